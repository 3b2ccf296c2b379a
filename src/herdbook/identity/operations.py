"""What people say about who is who: operations, appended and never overwritten, and what they say of each tracklet.

An operation stands above every claim until another undoes it. What it says is checked against what everybody reads, the
view ``identity``, inside the transaction that appends it: no animal may be on two tracklets that exclude each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta

import duckdb

from herdbook.identity.conflicts import settle
from herdbook.identity.words import SET_ASIDE, Done, Kind, Operation, Saying, Says, Word
from herdbook.lake import transaction
from herdbook.lake.rows import insert_rows
from herdbook.settings import Settings


def carry_out(settings: Settings, work: Callable[[duckdb.DuckDBPyConnection], Done]) -> Done:
    """Run an operation in one transaction of the lake: it is recorded whole or not at all.

    Raises:
        IdentityConflictError: an animal would be in two places at once.
        LakeBusyError: other writers held the lake for too long.
    """
    return transaction.write(settings, work)


def append(
    lake: duckdb.DuckDBPyConnection,
    operation: Operation,
    sayings: Sequence[Saying],
    word: Word,
    *,
    despite_overlap: bool = True,
) -> Done:
    """Append an operation with what it says of tracklets, and set aside the claims that it leaves no room for.

    Args:
        lake: a connection inside a transaction.
        operation: what is said.
        sayings: of single tracklets; each at most once.
        word: who says it.
        despite_overlap: whether claims that are identified give way, too; if not they are a reason to refuse.

    Raises:
        IdentityConflictError: a person said something else of a tracklet that was seen at the same time.
    """
    operation_id = secrets.token_hex(8)
    touched = {(s.load_id, s.tracklet_id) for s in sayings}
    if operation.undoes is not None:
        touched |= _touched_by(lake, operation.undoes)
    recorded_at = _later_than_all(lake, {load for load, _ in touched})
    mark = {"operation_id": operation_id, "recorded_at": recorded_at}
    insert_rows(
        lake,
        "identity.operation",
        [vars(operation) | {"kind": operation.kind.value, "recorded_by": word.by, "reason": word.reason} | mark],
    )
    _append_sayings(lake, operation_id, operation.kind, sayings, recorded_at, first=0)
    given_way = settle(lake, touched, despite_overlap=despite_overlap)
    _append_sayings(lake, operation_id, operation.kind, given_way, recorded_at, first=len(sayings))
    loads = {load for load, _ in touched} | {s.load_id for s in given_way}
    aside = tuple(s.tracklet_id for s in given_way)
    return Done(operation_id, operation.kind.value, len(touched), aside, len(loads))


def _append_sayings(
    lake: duckdb.DuckDBPyConnection,
    operation_id: str,
    kind: Kind,
    sayings: Sequence[Saying],
    recorded_at: datetime,
    *,
    first: int,
) -> None:
    rows = [
        vars(s)
        | {"decision_id": f"{operation_id}-{n:06d}", "operation_id": operation_id, "recorded_at": recorded_at}
        | {"says": s.says.value, "method": SET_ASIDE if s.says is Says.SET_ASIDE else f"person/{kind.value}"}
        for n, s in enumerate(sayings, first)
    ]
    insert_rows(lake, "identity.decision", rows)


def _touched_by(lake: duckdb.DuckDBPyConnection, operation_id: str) -> set[tuple[str, str]]:
    rows = lake.execute(
        "SELECT DISTINCT load_id, tracklet_id FROM identity.decision WHERE operation_id = ? AND says <> 'skipped'",
        [operation_id],
    ).fetchall()
    return {(load, tracklet) for load, tracklet in rows}


def _later_than_all(lake: duckdb.DuckDBPyConnection, loads: Collection[str]) -> datetime:
    """Now, or just after all that it replaces, should our clock have been set back."""
    rows = lake.execute(
        "SELECT max(recorded_at) FROM identity.operation UNION ALL "
        "SELECT max(recorded_at) FROM identity.claim WHERE load_id IN (SELECT unnest(?::VARCHAR[]))",
        [sorted(loads)],
    ).fetchall()
    earlier: list[datetime] = [at for (at,) in rows if at is not None]
    return max([datetime.now(UTC), *(at + timedelta(microseconds=1) for at in earlier)])
