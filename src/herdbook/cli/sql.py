"""``herdbook sql``: one query on the herd."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from herdbook.cli.output import JsonFlag, print_table
from herdbook.settings import get_settings


def sql(
    query: Annotated[str, typer.Argument(help="One query that reads, for example 'FROM animal_day LIMIT 5'.")],
    *,
    lake: Annotated[
        bool, typer.Option("--lake", help="Ask the lake itself: newer, with superseded loads and every embedding.")
    ] = False,
    pin: Annotated[
        str | None, typer.Option(help="Ask the lake as it was when this name was pinned.", metavar="NAME")
    ] = None,
    known_as_of: Annotated[
        datetime | None,
        typer.Option(
            help="What the schema `known` is read as of, UTC; now without.", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"]
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run one read-only query on herd.duckdb. Tables: SHOW TABLES; columns: DESCRIBE animal_day; times are UTC.

    Rows too wide for the terminal are shown one column a line. Into a file or pipe they go whole, in aligned columns.
    """
    from herdbook.lake.pins import pinned_snapshot
    from herdbook.lake.query import ask

    settings = get_settings()
    snapshot = None if pin is None else pinned_snapshot(settings, pin)
    answer = ask(settings, query, lake=lake, snapshot=snapshot, known_as_of=known_as_of)
    print_table(answer.columns, answer.rows, as_json=as_json)
