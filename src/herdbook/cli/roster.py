"""``herdbook roster``: farms, pens, devices, cameras, animals, tags and pen stays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from herdbook.cli.output import JsonFlag, console, print_rows
from herdbook.cli.progress import steps_bar
from herdbook.settings import get_settings

app = typer.Typer(help="Farms, pens, cameras, animals, tags and pen stays.", no_args_is_help=True)


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="A folder of CSV files, or one .xlsx workbook.", metavar="FOLDER")],
    *,
    retract_missing: Annotated[
        bool, typer.Option("--retract-missing", help="Retract rows of the given tables that the files no longer list.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Import a roster: farms, pens, devices, cameras, animals, identifiers, pen_stays (.csv, or sheets), any subset.

    All rows are imported or none. Importing the same again changes nothing; a changed row becomes its new version. A
    day without a time means its start on the farm; cameras in `disjoint_from` are separated by `;`.
    """
    from dataclasses import asdict

    from herdbook.roster.importer import import_roster

    with steps_bar() as progress:
        progress(f"importing {path.name}", 0, 0)
        done = import_roster(get_settings(), path, retract_missing=retract_missing)
    print_rows([asdict(table) for table in done], as_json=as_json)
    if not as_json:
        console.print("The next night shows it in herd.duckdb; `herdbook publish` does so now.")
