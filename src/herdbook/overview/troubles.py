"""What was set aside, and what nights and devices warned of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from herdbook.errors import NotFoundError
from herdbook.lake.published import open_published
from herdbook.ledger.models import QuarantineEntry
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

_TAIL = 256 * 1024
"""Bytes of the end of ``alerts.jsonl`` that are read: some hundred alerts."""


@dataclass(frozen=True)
class SetAside:
    """Rows of a file, or a file, in quarantine."""

    device: str
    day: date
    revision: int
    file: str
    rows: int | None
    """None: the whole file."""
    error: str
    reason: str
    path: str
    """Below the quarantine folder."""
    recorded_at: datetime


def quarantine(settings: Settings, limit: int = 200) -> list[SetAside]:
    """What was set aside last, newest first.

    Raises:
        NotInitialisedError: there is no ledger.
    """
    query = select(QuarantineEntry).order_by(QuarantineEntry.recorded_at.desc(), QuarantineEntry.entry_id.desc())
    with ledger_session(settings) as session:
        return [
            SetAside(e.device_id, e.day, e.revision, e.file, e.rows, e.error, e.message, e.path, e.recorded_at)
            for e in session.scalars(query.limit(limit))
        ]


def alerts(settings: Settings, limit: int = 50) -> list[dict[str, Any]]:
    """What nights could not do, newest first, as ``alerts.jsonl`` has it; lines that are none are left out."""
    try:
        with settings.alerts.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _TAIL))
            lines = stream.read().decode("utf-8", "replace").splitlines()[1 if size > _TAIL else 0 :]
    except FileNotFoundError:
        return []
    found = []
    for line in reversed(lines):
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict):
            found.append(told)
        if len(found) == limit:
            break
    return found


_RAISED = """
SELECT raised_at, severity, rule_id, device_id, coalesce(animal_id, tracklet_id, pen_id) AS about, measured, threshold,
    unit, outcome
FROM alert
ORDER BY raised_at DESC
LIMIT ?
"""


def raised(settings: Settings, limit: int = 50) -> list[dict[str, Any]]:
    """What devices were worried about, newest first; nothing before the herd is published."""
    try:
        with open_published(settings.published) as herd:
            found = herd.execute(_RAISED, [limit])
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    except NotFoundError:
        return []
