"""``herdbook export``: the herd as a file to take along."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_json
from herdbook.settings import get_settings


def export(
    file: Annotated[Path, typer.Argument(help="A DuckDB file that is not there yet.", metavar="FILE.duckdb")],
    *,
    embeddings: Annotated[
        bool,
        typer.Option("--embeddings", help="With every single embedding, not only those pooled per animal and day."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write the herd into a DuckDB file of its own: what herd.duckdb holds, worked out anew from the lake."""
    from herdbook.cli.progress import days_bar
    from herdbook.lake.publish import export as write

    with days_bar("exporting") as progress:
        write(get_settings(), file, embeddings=embeddings, progress=progress)
    if as_json:
        print_json({"file": file, "bytes": file.stat().st_size})
    else:
        console.print(f"wrote {file} ({file.stat().st_size / 1e6:.1f} MB)")
