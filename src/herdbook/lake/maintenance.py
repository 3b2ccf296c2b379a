"""Keep the lake small: delete superseded loads, merge files, let old snapshots expire.

Every step is a transaction of its own that may be killed and run again. ``dry_run`` says what would be done. Pinned
snapshots keep what they show; files that no snapshot shows are removed a day later, when no reader can hold them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from herdbook.lake import transaction
from herdbook.lake.definitions import Kind, of_kind
from herdbook.lake.metadata import described_columns
from herdbook.lake.pins import PINNED, pin
from herdbook.settings import Settings

__all__ = ["Compaction", "Deletion", "compact", "delete_superseded", "expire_snapshots", "pin"]

GRACE = timedelta(days=1)
"""How long a file that nothing shows any more stays: longer than any query or transaction."""


@dataclass(frozen=True)
class Deletion:
    """Superseded loads and their rows."""

    loads: int
    rows: int


@dataclass(frozen=True)
class Compaction:
    """Files before and after, and files removed from the disk."""

    merged: int
    """Small files that were merged into larger ones."""
    removed: int
    """Files that no snapshot shows any more."""


def delete_superseded(settings: Settings, *, dry_run: bool = False) -> Deletion:
    """Delete the record rows of loads that are not current: superseded ones, and rows without a ``device_day`` row.
    Readings of archived footage (``reading``) are loads of their own, superseded by the same release's later one.

    Identity claims about them stay, since a claim is never taken away, and so do their ``device_day`` and ``reading``
    rows, which say when they were current.

    Raises:
        LakeBusyError: other writers held the lake for too long.
    """
    return transaction.write(settings, lambda lake: _delete_superseded(lake, dry_run=dry_run))


def compact(settings: Settings, *, dry_run: bool = False) -> Compaction:
    """Write rows kept in the catalog to files, merge small files, and remove files that nothing shows any more.

    Raises:
        LakeBusyError: other writers held the lake for too long.
    """
    merged = 0
    if not dry_run:
        transaction.write(settings, lambda lake: _call(lake, "ducklake_flush_inlined_data", ""))
        transaction.write(settings, lambda lake: _call(lake, "ducklake_rewrite_data_files", ""))
        found = transaction.write(settings, lambda lake: _call(lake, "ducklake_merge_adjacent_files", ""))
        merged = sum(int(row[2]) for row in found)
    return Compaction(merged, _remove_files(settings, dry_run=dry_run))


def expire_snapshots(settings: Settings, *, dry_run: bool = False) -> list[int]:
    """Let snapshots older than ``settings.snapshot_keep_days`` expire, but for pinned ones and the latest.

    Returns:
        The snapshots that expired.

    Raises:
        LakeBusyError: other writers held the lake for too long.
    """

    def work(lake: duckdb.DuckDBPyConnection) -> list[int]:
        found = lake.execute(
            f"""
            SELECT snapshot_id
            FROM lake.snapshots()
            WHERE snapshot_time < ?
                AND snapshot_id < (SELECT max(snapshot_id) FROM lake.snapshots())
                AND snapshot_id NOT IN (SELECT snapshot_id FROM ({PINNED}))
            ORDER BY snapshot_id
            """,  # noqa: S608 - our own query
            [datetime.now(UTC) - timedelta(days=settings.snapshot_keep_days)],
        ).fetchall()
        old = [int(row[0]) for row in found]
        if old and not dry_run:
            _call(lake, "ducklake_expire_snapshots", f"versions => {old}")
        return old

    return transaction.write(settings, work)


def _delete_superseded(lake: duckdb.DuckDBPyConnection, *, dry_run: bool) -> Deletion:
    records = [t for t in of_kind(Kind.TABLE) if t.group == "record" and "load_id" in described_columns(t)]
    tables = [t.qualified for t in records if t.name not in ("device_day", "reading")]
    counts = " UNION ALL ".join(
        f"SELECT load_id, count(*) AS rows FROM {table} GROUP BY load_id"  # noqa: S608 - our own names
        for table in tables
    )
    stale = lake.execute(
        f"SELECT load_id, sum(rows)::BIGINT FROM ({counts}) ANTI JOIN device_day USING (load_id)"  # noqa: S608
        " ANTI JOIN reading USING (load_id)"
        " GROUP BY load_id ORDER BY load_id"
    ).fetchall()
    if stale and not dry_run:
        for table in tables:
            lake.execute(f"DELETE FROM {table} WHERE load_id IN (SELECT unnest(?))", [[s[0] for s in stale]])  # noqa: S608
    return Deletion(len(stale), sum(rows for _, rows in stale))


def _remove_files(settings: Settings, *, dry_run: bool) -> int:
    """Files of expired or merged data, and files of transactions that never committed."""
    before = (datetime.now(UTC) - GRACE).isoformat()
    arguments = f"older_than => TIMESTAMPTZ '{before}', dry_run => {str(dry_run).lower()}"

    def work(lake: duckdb.DuckDBPyConnection) -> int:
        names = ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files")
        return sum(len(_call(lake, name, arguments)) for name in names)

    return transaction.write(settings, work)


def _call(lake: duckdb.DuckDBPyConnection, name: str, arguments: str) -> list[tuple[Any, ...]]:
    separator = ", " if arguments else ""
    return lake.execute(f"CALL {name}('lake'{separator}{arguments})").fetchall()
