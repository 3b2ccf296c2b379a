"""``herdbook study impact`` and ``trained``: what a model release does to findings, and what it was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.settings import get_settings

app = typer.Typer()


@app.command()
def impact(
    folders: Annotated[list[Path], typer.Argument(help="Folders that runs wrote.", metavar="FOLDER…")],
    *,
    release: Annotated[
        list[str], typer.Option(help="Release that has read footage again; name the one that ran, too, to compare.")
    ],
    minimum_hours: Annotated[
        float | None, typer.Option(help="Observed hours that make a day count, instead of the definitions'.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="CSV to write.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run studies on footage that another release has read again, and say which findings would change."""
    import io

    import pyarrow.csv

    from herdbook.contracts.durable import write_durably
    from herdbook.learning.impact import impact as find

    found = find(get_settings(), folders, release, minimum_hours=minimum_hours)
    if out is not None:
        buffer = io.BytesIO()
        pyarrow.csv.write_csv(found, buffer)
        write_durably(out, buffer.getvalue())
    rows = found.to_pylist()
    if as_json:
        print_json(rows)
        return
    shown = [{k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    print_rows(shown, as_json=False, title="findings, by who saw the footage")
    changed = sum(row["verdict"].startswith("CHANGES") for row in rows)
    console.print(f"{changed} of {len(rows)} would read otherwise" if changed else "no finding would read otherwise")


@app.command()
def trained(
    release: Annotated[str, typer.Argument(help="The release.")],
    dataset: Annotated[Path, typer.Argument(help="Folder of the dataset that it was trained on.")],
) -> None:
    """Print what a release was trained on, for a definition's `trained_on`."""
    import yaml

    from herdbook.learning.datasets.trained_on import trained_on

    stated = trained_on(release, dataset)
    typer.echo(yaml.safe_dump({"trained_on": [stated.model_dump(mode="json")]}, sort_keys=False), nl=False)
