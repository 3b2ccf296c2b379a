"""How commands speak: data to stdout (a table for people, JSON on request), everything else to stderr.

On a terminal a table that is too wide becomes one block of ``column: value`` lines per row. Anywhere else (a file, a
pipe) it is plain text in aligned columns, as wide as it needs to be.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from herdbook.errors import HerdbookError

JsonFlag = Annotated[bool, typer.Option("--json", help="Print data as JSON.")]

console = Console(stderr=True, highlight=False)
"""For progress and remarks; stdout carries data only."""


def print_error(error: HerdbookError) -> None:
    """One clear message and what to do, on stderr."""
    console.print(f"[bold red]error:[/] {_escape(error.message)}", soft_wrap=True)
    console.print(f"  [bold]→[/] {_escape(error.remedy)}", soft_wrap=True)


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str | None = None) -> None:
    """Rows of the same columns as a table, or as a JSON array."""
    columns = list(rows[0]) if rows else []
    print_table(columns, [list(row.values()) for row in rows], as_json=as_json, title=title)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, as_json: bool, title: str | None = None
) -> None:
    """Columns and rows as a table, or as a JSON array; of equal names the later ones are numbered: ``n``, ``n_1``."""
    names = _distinct(columns)
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    terminal = Console(highlight=False)
    if not rows:
        terminal.print("no rows")
        return
    if title:
        terminal.print(Text(title, style="italic"), soft_wrap=True)
    table = Table(header_style="bold")
    if not terminal.is_terminal:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(Text(name), no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_shown(value)) for value in row))
    width = terminal.measure(table, options=terminal.options.update(width=sys.maxsize)).maximum
    if terminal.is_terminal and width > terminal.width:
        _print_blocks(terminal, names, rows)
    else:
        Console(highlight=False, width=width).print(table)


def _print_blocks(terminal: Console, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    label = max(len(name) for name in names) + 1
    lines: list[Text] = []
    for row in rows:
        for name, value in zip(names, row, strict=True):
            begin = (f"{name}:".ljust(label) + " ", "bold") if name else ""  # what has no name is the block's heading
            lines.append(Text.assemble(begin, (_shown(value), "" if name else "bold")))
        lines.append(Text())
    terminal.print(*lines, sep="\n", soft_wrap=True)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _distinct(names: Sequence[str]) -> list[str]:
    distinct: list[str] = []
    for name in names:
        candidates = (name, *(f"{name}_{n}" for n in range(1, len(names))))
        distinct.append(next(c for c in candidates if c not in distinct))
    return distinct


def print_json(data: Any) -> None:
    """Any plain data as JSON on stdout; dates as ISO 8601, decimals as numbers, what is no number (NaN, ∞) as null."""
    sys.stdout.write(json.dumps(_plain(data), indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part) for part in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
