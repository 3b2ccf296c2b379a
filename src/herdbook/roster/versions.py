"""Append-only roster tables: read the current rows, append new versions. The latest ``recorded_at`` of a key wins."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from herdbook.roster.rows import RosterTable, arrow_schema

Values = dict[str, Any]
"""One row's columns, times in UTC."""
Key = tuple[Any, ...]


def key_of(table: RosterTable, values: Values) -> Key:
    """A row's key."""
    return tuple(values[column] for column in table.key)


def current_rows(lake: duckdb.DuckDBPyConnection, table: RosterTable) -> dict[Key, Values]:
    """The rows that hold now: the latest version of each key, unless it was retracted."""
    found = lake.execute(
        f"SELECT {', '.join(table.columns)}, retracted FROM {table.table} "  # noqa: S608 - names are ours
        f"QUALIFY row_number() OVER (PARTITION BY {', '.join(table.key)} ORDER BY recorded_at DESC) = 1"
    ).fetchall()
    rows = [dict(zip(table.columns, map(_plain, line), strict=False)) for line in found if not line[-1]]
    return {key_of(table, row): row for row in sorted(rows, key=lambda r: tuple(map(str, key_of(table, r))))}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return tuple(value) if isinstance(value, list) else value


def same_values(table: RosterTable, one: Values, other: Values) -> bool:
    """Whether two versions of a row say the same. A missing list is an empty one."""
    return all((one[c] or None) == (other[c] or None) for c in table.columns)


def append_versions(
    lake: duckdb.DuckDBPyConnection,
    table: RosterTable,
    rows: Iterable[tuple[Values, bool]],
    *,
    source: str,
    now: datetime,
) -> None:
    """Append versions, each a row and whether it is retracted.

    They are later than every version there is, even if our clock was set back meanwhile.
    """
    last = lake.execute(f"SELECT max(recorded_at) FROM {table.table}").fetchone()  # noqa: S608
    recorded_at = now if last is None or last[0] is None else max(now, last[0] + timedelta(microseconds=1))
    versions = [
        {**values, "recorded_at": recorded_at, "retracted": retracted, "source": source} for values, retracted in rows
    ]
    if not versions:
        return
    incoming = pa.Table.from_pylist(versions, schema=arrow_schema(table))
    lake.register("incoming_roster", incoming)
    lake.execute(f"INSERT INTO {table.table} BY NAME SELECT * FROM incoming_roster")  # noqa: S608
    lake.unregister("incoming_roster")
