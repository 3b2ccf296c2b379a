"""Names for snapshots of the lake: a pinned one does not expire, so that a study re-run years later reads the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from herdbook.errors import InputError, NotFoundError
from herdbook.lake import transaction
from herdbook.lake.attach import open_lake
from herdbook.lake.rows import insert_rows
from herdbook.settings import Settings

PINNED = """
SELECT name, snapshot_id, reason, recorded_at
FROM (SELECT * FROM meta.pin QUALIFY row_number() OVER (PARTITION BY name ORDER BY recorded_at DESC) = 1)
WHERE NOT retracted
ORDER BY name
"""


@dataclass(frozen=True)
class Pin:
    """A named snapshot."""

    name: str
    snapshot_id: int
    reason: str | None
    recorded_at: datetime


def pin(settings: Settings, name: str, *, reason: str | None = None, snapshot: int | None = None) -> Pin:
    """Keep a snapshot under a name. The same name for the same snapshot again changes nothing.

    Args:
        settings: where the lake is.
        name: any text without line breaks.
        reason: for people.
        snapshot: the lake's latest when omitted.

    Raises:
        InputError: the name is taken by another snapshot, or is not a name.
        NotFoundError: there is no such snapshot.
    """
    if not name.strip() or not name.isprintable():
        raise InputError(f"{name!r} is not a name")
    return transaction.write(settings, lambda lake: _pin(lake, name, reason, snapshot))


def unpin(settings: Settings, name: str) -> None:
    """Let a pinned snapshot expire again.

    Raises:
        NotFoundError: nothing has that name.
    """

    def work(lake: duckdb.DuckDBPyConnection) -> None:
        found = _find(lake, name)
        _record(lake, found.name, found.snapshot_id, found.reason, retracted=True)

    transaction.write(settings, work)


def pins(settings: Settings) -> list[Pin]:
    """Every pin, by name."""
    with open_lake(settings, read_only=True) as lake:
        return _all(lake)


def pinned_snapshot(settings: Settings, name: str) -> int:
    """The snapshot of that name.

    Raises:
        NotFoundError: nothing has that name.
    """
    with open_lake(settings, read_only=True) as lake:
        return _find(lake, name).snapshot_id


def _pin(lake: duckdb.DuckDBPyConnection, name: str, reason: str | None, snapshot: int | None) -> Pin:
    known = {row[0] for row in lake.execute("SELECT snapshot_id FROM lake.snapshots()").fetchall()}
    chosen = max(known) if snapshot is None else snapshot
    if chosen not in known:
        raise NotFoundError(f"the lake has no snapshot {chosen}", "It may have expired: pin before that.")
    taken = {p.name: p for p in _all(lake)}
    if name in taken:
        if snapshot in (None, taken[name].snapshot_id):
            return taken[name]
        raise InputError(
            f"'{name}' is the name of snapshot {taken[name].snapshot_id}", "Choose another name, or unpin that first."
        )
    return _record(lake, name, chosen, reason, retracted=False)


def _record(lake: duckdb.DuckDBPyConnection, name: str, snapshot: int, reason: str | None, *, retracted: bool) -> Pin:
    found = Pin(name, snapshot, reason, datetime.now(UTC))
    insert_rows(lake, "meta.pin", [vars(found) | {"retracted": retracted}])
    return found


def _all(lake: duckdb.DuckDBPyConnection) -> list[Pin]:
    return [Pin(*row) for row in lake.execute(PINNED).fetchall()]


def _find(lake: duckdb.DuckDBPyConnection, name: str) -> Pin:
    found = next((p for p in _all(lake) if p.name == name), None)
    if found is None:
        raise NotFoundError(f"no snapshot is pinned as '{name}'", "`herdbook lake pins` lists what is.")
    return found
