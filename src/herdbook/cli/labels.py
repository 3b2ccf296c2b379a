"""``herdbook labels``: farm records in and out."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_json, print_rows
from herdbook.cli.progress import steps_bar
from herdbook.labels.kinds import LabelKind
from herdbook.settings import get_settings

app = typer.Typer(help="Farm records: lameness, disease, weight, reproduction, death.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The farm's export.", metavar="FILE")],
    *,
    form: Annotated[str, typer.Option("--format", help="csv or xlsx.")],
    mapping: Annotated[
        Path, typer.Option(help="What its columns mean; see docs/examples/labels.", metavar="FILE.yaml")
    ],
    allow_quarantine: Annotated[
        bool, typer.Option("--allow-quarantine", help="End with exit code 0 although rows were set aside.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Import a file of farm records. Importing it again changes nothing; a corrected row becomes a new version.

    Rows of unknown animals, ambiguous tags, impossible times or values are set aside with their reason; the rest is
    imported, and the exit code is 16.
    """
    from dataclasses import asdict

    from herdbook.errors import RowsQuarantinedError
    from herdbook.labels.importer import import_labels

    with steps_bar() as progress:
        result = import_labels(get_settings(), file, form, mapping, progress=progress)
    if as_json:
        print_json(asdict(result))
    else:
        counts = {name: n for name, n in asdict(result).items() if isinstance(n, int)}
        console.print(f"{file.name}: " + ", ".join(f"{n} {name}" for name, n in counts.items()), soft_wrap=True)
        if result.added + result.changed + result.retracted:
            console.print("The next night shows them in herd.duckdb; `herdbook publish` does so now.")
    if result.quarantined and not allow_quarantine:
        raise RowsQuarantinedError(f"{file.name}: {result.quarantined} rows were set aside in {result.quarantine}")


@app.command("export")
def export(
    file: Annotated[Path | None, typer.Argument(help="CSV file to write; stdout without one.", metavar="FILE")] = None,
    *,
    kind: Annotated[LabelKind | None, typer.Option(help="Only this kind.")] = None,
    farm: Annotated[str | None, typer.Option(help="Only this farm.")] = None,
    known_as_of: Annotated[
        datetime | None, typer.Option(help="As it was known at this time (UTC), for example 2024-05-03.")
    ] = None,
) -> None:
    """Write the labels that hold as CSV: one line per label, times in UTC."""
    from datetime import UTC

    from herdbook.contracts.durable import write_durably
    from herdbook.labels.export import export_labels

    then = None if known_as_of is None else known_as_of.replace(tzinfo=UTC)
    text = export_labels(get_settings(), kind=kind, farm=farm, known_as_of=then)
    if file is None:
        sys.stdout.write(text)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    write_durably(file, text.encode())
    console.print(f"wrote {file}")


@app.command()
def kinds(as_json: JsonFlag = False) -> None:
    """List the kinds of facts with their values, scales and units, as mapping files name them."""
    from herdbook.labels.kinds import RULES

    rows = [
        {
            "kind": kind.value,
            "value": rule.value + ("" if rule.required else ", optional"),
            "scales": ", ".join(rule.scales),
            "units": ", ".join(rule.units),
            "values": ", ".join(rule.choices),
        }
        for kind, rule in RULES.items()
    ]
    print_rows(rows, as_json=as_json)
