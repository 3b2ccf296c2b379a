"""One row of a farm's export as a fact: who, what, when; not yet which of our animals."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from herdbook.labels import cells
from herdbook.labels.cells import RowProblem
from herdbook.labels.kinds import LabelKind
from herdbook.labels.mapping import Event, Mapping
from herdbook.roster.sheets import Row, as_text


@dataclass(frozen=True)
class Fact:
    """What a row says.

    ``occurred_from`` is the earliest the event can have been seen, ``occurred_by`` the latest: they differ where the
    farm gives only a day.
    """

    row: Row
    label_id: str
    source_id: str
    identifier: str
    kind: LabelKind
    value_number: float | None
    value_text: str | None
    scale: str | None
    unit: str | None
    site: str | None
    severity: str | None
    observer: str | None
    occurred_after: datetime | None
    occurred_from: datetime
    occurred_by: datetime
    recorded_at: datetime
    retracted: bool


def label_id(source: str, source_id: str) -> str:
    """The key of a fact: a digest of where it comes from and its name there."""
    return _digest(source, source_id)


def read_fact(row: Row, mapping: Mapping, now: datetime) -> Fact | None:
    """The fact that a row states, or none where the mapping leaves the row out.

    Args:
        row: a row of the file.
        mapping: what its columns mean.
        now: nothing can have been seen later.

    Raises:
        RowProblem: the row cannot be understood.
    """
    if row.problem is not None:
        raise RowProblem(row.problem)
    if cells.flagged(row, mapping.planned):
        return None
    event = _event(row, mapping)
    if event is None:
        return None
    identifier = as_text(row.cells[mapping.animal.column])
    if identifier is None:
        raise RowProblem(f"{mapping.animal.column}: no animal is named")
    retracted = cells.flagged(row, mapping.retracted)
    number, text = (
        (None, None) if event.value is None else cells.value(row, event.kind, event.value, retracted=retracted)
    )
    observer, site, severity = (cells.text(row, c) for c in (mapping.observer, mapping.site, mapping.severity))
    seen = cells.moment(row, mapping.occurred_by)
    if seen is None:
        raise RowProblem(f"{mapping.occurred_by.column}: is empty")
    occurred_from, occurred_by = cells.bounds(seen, mapping.timezone)
    if occurred_from > now:
        raise RowProblem(f"{mapping.occurred_by.column}: {occurred_from:%Y-%m-%d %H:%M} UTC is in the future")
    recorded = cells.moment(row, mapping.recorded_at)
    recorded_from, recorded_at = (
        (occurred_from, occurred_by) if recorded is None else cells.bounds(recorded, mapping.timezone)
    )
    if recorded_at < occurred_from:
        raise RowProblem("it was recorded before it was seen")
    if recorded_from > now:
        raise RowProblem(f"it was recorded in the future, {recorded_from:%Y-%m-%d %H:%M} UTC")
    recorded_at = min(recorded_at, now)  # today is not over, but what reached us was written down
    occurred_by = min(occurred_by, recorded_at)
    before = cells.moment(row, mapping.occurred_after)
    occurred_after = None if before is None else cells.bounds(before, mapping.timezone)[0]
    if occurred_after is not None and occurred_after >= occurred_by:
        raise RowProblem("it was last not true after it was first true")
    source_id = _source_id(row, mapping)
    if source_id is None and mapping.source_id:
        raise RowProblem(f"{', '.join(mapping.source_id)}: the row has no source id")
    source_id = source_id or _digest(
        *(mapping.farm, mapping.animal.scheme, identifier, event.kind.value, occurred_from.isoformat()),
        *(part or "" for part in (observer, site, text if event.kind in _NAMED_BY_TEXT else None)),
    )
    return Fact(
        row=row,
        label_id=label_id(mapping.source, source_id),
        source_id=source_id,
        identifier=identifier,
        kind=event.kind,
        value_number=number,
        value_text=text,
        scale=event.scale,
        unit=event.unit,
        site=site,
        severity=severity,
        observer=observer,
        occurred_after=occurred_after,
        occurred_from=occurred_from,
        occurred_by=occurred_by,
        recorded_at=recorded_at,
        retracted=retracted,
    )


_NAMED_BY_TEXT = (LabelKind.DIAGNOSIS, LabelKind.TREATMENT)
"""Two diagnoses on one day are two facts; two weights on one day are one fact that was corrected."""


def named_label(row: Row, mapping: Mapping) -> str | None:
    """The label that a row speaks of, if the mapping names the columns of its source id; also of an unusable row."""
    source_id = _source_id(row, mapping)
    return None if source_id is None else label_id(mapping.source, source_id)


def _source_id(row: Row, mapping: Mapping) -> str | None:
    if not mapping.source_id:
        return None
    parts = [as_text(row.cells[column]) for column in mapping.source_id]
    if all(part is None for part in parts):
        return None
    return parts[0] if len(parts) == 1 else "/".join(part or "" for part in parts)


def _event(row: Row, mapping: Mapping) -> Event | None:
    if mapping.events is None:
        return mapping.event
    name = as_text(row.cells[mapping.events.column])
    if name is None or name not in mapping.events.values:
        raise RowProblem(f"{mapping.events.column}: '{name or ''}' is not an event of the mapping")
    return mapping.events.values[name]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
