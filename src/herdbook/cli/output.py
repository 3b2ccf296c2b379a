"""How commands speak: data to stdout (a table for people, JSON on request), everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from herdbook.errors import HerdbookError

JsonFlag = Annotated[bool, typer.Option("--json", help="Print data as JSON.")]

console = Console(stderr=True, highlight=False)
"""For progress and remarks; stdout carries data only."""


def print_error(error: HerdbookError) -> None:
    """One clear message and what to do, on stderr."""
    console.print(f"[bold red]error:[/] {_escape(error.message)}", soft_wrap=True)
    console.print(f"  [bold]→[/] {_escape(error.remedy)}", soft_wrap=True)


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str | None = None) -> None:
    """Rows as a table, or as a JSON array."""
    if as_json:
        print_json(list(rows))
        return
    table = Table(title=title, header_style="bold")
    for column in rows[0] if rows else ():
        table.add_column(str(column))
    for row in rows:
        table.add_row(*(_escape("" if value is None else str(value)) for value in row.values()))
    Console(highlight=False).print(table if rows else "no rows")


def print_json(data: Any) -> None:
    """Any plain data as JSON on stdout; dates as ISO 8601."""
    sys.stdout.write(json.dumps(data, indent=1, default=_plain, ensure_ascii=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | tuple):
        return list(value)
    return str(value)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
