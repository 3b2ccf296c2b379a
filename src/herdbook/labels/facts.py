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
    scheme: str
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


def label_id(farm: str, source: str, source_id: str) -> str:
    """The key of a fact: a digest of where it comes from and its name there. A source's name is a farm's own."""
    return _digest(farm, source, source_id)


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
    identifier = _identifier(row, mapping)
    number, text = _value(row, mapping, event)
    observer, site, severity = (cells.text(row, c) for c in (mapping.observer, mapping.site, mapping.severity))
    occurred_from, occurred_by = _seen(row, mapping)
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
    return Fact(
        row=row,
        label_id=label_id(mapping.farm, mapping.source, source_id),
        source_id=source_id,
        scheme=mapping.animal.scheme,
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
        retracted=cells.flagged(row, mapping.retracted),
    )


_NAMED_BY_TEXT = (LabelKind.DIAGNOSIS, LabelKind.TREATMENT)
"""Two diagnoses on one day are two facts; two weights on one day are one fact that was corrected."""


def named_label(row: Row, mapping: Mapping) -> str | None:
    """The label that a row speaks of, whether or not it makes a fact; none where the row does not tell."""
    try:
        return label_id(mapping.farm, mapping.source, _source_id(row, mapping))
    except RowProblem:
        return None


def _source_id(row: Row, mapping: Mapping) -> str:
    """The row's name in the source, or a digest of all that it says but its value, which may be wrong or corrected.

    Raises:
        RowProblem: what names it cannot be read.
    """
    if row.problem is not None:  # its cells may be shifted
        raise RowProblem(row.problem)
    if mapping.source_id:
        parts = [as_text(row.cells[column]) for column in mapping.source_id]
        if all(part is None for part in parts):
            raise RowProblem(f"{', '.join(mapping.source_id)}: the row has no source id")
        return "/".join(part or "" for part in parts)
    event = _event(row, mapping)
    if event is None:
        raise RowProblem("the mapping leaves it out")
    text = _value(row, mapping, event)[1] if event.kind in _NAMED_BY_TEXT else None
    return _digest(
        *(mapping.farm, mapping.animal.scheme, _identifier(row, mapping), event.kind.value),
        _seen(row, mapping)[0].isoformat(),
        *(part or "" for part in (cells.text(row, mapping.observer), cells.text(row, mapping.site), text)),
    )


def _identifier(row: Row, mapping: Mapping) -> str:
    identifier = as_text(row.cells[mapping.animal.column])
    if identifier is None:
        raise RowProblem(f"{mapping.animal.column}: no animal is named")
    return identifier


def _value(row: Row, mapping: Mapping, event: Event) -> tuple[float | None, str | None]:
    if event.value is None:
        return None, None
    return cells.value(row, event.kind, event.value, retracted=cells.flagged(row, mapping.retracted))


def _seen(row: Row, mapping: Mapping) -> tuple[datetime, datetime]:
    """The earliest and latest that it can have been seen, in UTC."""
    seen = cells.moment(row, mapping.occurred_by)
    if seen is None:
        raise RowProblem(f"{mapping.occurred_by.column}: is empty")
    return cells.bounds(seen, mapping.timezone)


def _event(row: Row, mapping: Mapping) -> Event | None:
    if mapping.events is None:
        return mapping.event
    name = as_text(row.cells[mapping.events.column])
    if name is None or name not in mapping.events.values:
        raise RowProblem(f"{mapping.events.column}: '{name or ''}' is not an event of the mapping")
    return mapping.events.values[name]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
