"""The append-only table of messages: what was said last, and new versions of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb

from herdbook.labels.facts import label_id
from herdbook.labels.icar.document import body_text
from herdbook.labels.icar.mapping import IcarMapping
from herdbook.labels.icar.messages import Kept
from herdbook.lake.rows import insert_rows

_LATEST = "QUALIFY row_number() OVER (PARTITION BY message_id ORDER BY received_at DESC) = 1"


@dataclass(frozen=True)
class Stored:
    """What an import did to the messages."""

    new: int
    """First versions and changed ones."""
    deleted: int
    same: int


def append_messages(
    lake: duckdb.DuckDBPyConnection,
    messages: Sequence[Kept],
    mapping: IcarMapping,
    *,
    import_id: str,
    received_at: datetime,
    listed: Collection[str] | None = None,
) -> Stored:
    """Append versions that differ from what is there.

    Args:
        lake: an open lake, in a transaction.
        messages: at most one per name.
        mapping: whose they are.
        import_id, received_at: what brought them, and when.
        listed: names that the source still has; of the others the messages are deleted. None deletes nothing.
    """
    names = [kept.source_id for kept in messages]
    only = "" if listed is not None else "AND source_id IN (SELECT unnest(?)) "
    found = lake.execute(
        "SELECT source_id, body, retracted, resource_type FROM label.message WHERE source = ? AND farm_id = ? "  # noqa: S608
        f"{only}{_LATEST}",
        [mapping.source, mapping.farm, *([] if listed is not None else [names])],
    ).fetchall()
    known = {source_id: (body, retracted) for source_id, body, retracted, _ in found}
    rows: list[dict[str, Any]] = []
    for kept in messages:
        version = body_text(kept.message), kept.deleted
        if known.get(kept.source_id) != version and (kept.source_id in known or not kept.deleted):
            rows.append(_named(kept.source_id, kept.kind, mapping) | _said(*version, kept.modified_at, kept.place))
    for source_id, body, retracted, kind in found:
        if listed is not None and source_id not in listed and not retracted:
            rows.append(_named(source_id, kind, mapping) | _said(body, True, None, 0))
    last = lake.execute("SELECT max(received_at) FROM label.message").fetchone()
    if last is not None and last[0] is not None:  # our clock may have been set back
        received_at = max(received_at, last[0] + timedelta(microseconds=1))
    if rows:
        insert_rows(lake, "label.message", [row | {"import_id": import_id, "received_at": received_at} for row in rows])
    deleted = sum(row["retracted"] for row in rows)
    changed = {row["source_id"] for row in rows}
    return Stored(len(rows) - deleted, deleted, sum(name not in changed for name in names))


def stored_messages(
    lake: duckdb.DuckDBPyConnection,
    *,
    farm: str | None = None,
    source: str | None = None,
    kinds: Collection[str] | None = None,
    known_as_of: datetime | None = None,
) -> list[tuple[str, str, dict[str, Any], datetime | None]]:
    """Type, name, message and time of change of what holds, in the order in which it arrived."""
    found = lake.execute(
        "SELECT resource_type, source_id, body, modified_at FROM ("  # noqa: S608 - our own text
        "SELECT * FROM label.message WHERE received_at <= ?::TIMESTAMPTZ AND (? IS NULL OR farm_id = ?)"
        f" AND (? IS NULL OR source = ?) {_LATEST})"
        " WHERE NOT retracted AND (? IS NULL OR list_contains(?, resource_type))"
        " ORDER BY received_at, place, source_id",
        [known_as_of or "infinity", farm, farm, source, source, *([None if kinds is None else list(kinds)] * 2)],
    ).fetchall()
    return [(kind, name, json.loads(body), modified) for kind, name, body, modified in found]


def _named(source_id: str, kind: str, mapping: IcarMapping) -> dict[str, Any]:
    return {
        "message_id": label_id(mapping.farm, mapping.source, source_id),
        "farm_id": mapping.farm,
        "source": mapping.source,
        "source_id": source_id,
        "resource_type": kind,
    }


def _said(body: str, deleted: bool, modified_at: datetime | None, place: int) -> dict[str, Any]:
    return {"body": body, "retracted": deleted, "modified_at": modified_at, "place": place}
