"""Append rows to a table of the lake in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb


def insert_rows(lake: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Append rows that all have the same columns.

    Args:
        lake: a connection inside a transaction.
        table: ``schema.table``, one of ours.
        rows: column names are ours, values may come from anywhere.

    Returns:
        How many.
    """
    if not rows:
        return 0
    columns = list(rows[0])
    names = ", ".join(f'"{name}"' for name in columns)
    row = f"({', '.join('?' for _ in columns)})"
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        values = [r[name] for r in part for name in columns]
        lake.execute(f"INSERT INTO {table} ({names}) VALUES {', '.join([row] * len(part))}", values)  # noqa: S608 - ours
    return len(rows)


_AT_ONCE = 500
