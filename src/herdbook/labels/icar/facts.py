"""Statements as facts: which moment a message means, and whether it tells what happened or what is planned."""

from __future__ import annotations

from datetime import datetime, timedelta

from herdbook.labels.cells import RowProblem, bounds
from herdbook.labels.facts import Fact, label_id
from herdbook.labels.icar.fields import has_no_zone, moment, text
from herdbook.labels.icar.mapping import IcarMapping
from herdbook.labels.icar.messages import Kept, Notes
from herdbook.labels.icar.stated import Statement
from herdbook.labels.kinds import value_problem

_CLOCKS = timedelta(hours=1)
"""By how much a system's clocks may disagree before a message is one about the future."""


def make_fact(said: Statement, kept: Kept, mapping: IcarMapping, now: datetime, notes: Notes) -> Fact | None:
    """The fact that is stated, or none where it is a plan: an event later than the message, or than now.

    Args:
        said: the statement.
        kept: the message that it stands in.
        mapping: what the farm says about its messages.
        now: when it reached us.
        notes: told of departures from the standard.

    Raises:
        RowProblem: it has no time, an impossible value, or was recorded in the future.
    """
    source = kept.message if said.of is None else said.of
    seen = moment(source, said.when) or moment(kept.message, "eventDateTime")
    if seen is None:
        raise RowProblem(f"{said.when}: is missing")
    if has_no_zone(seen):
        kind = "time" if isinstance(seen, datetime) else "midnight"
        meaning = f"read in {mapping.timezone}" if kind == "time" else f"that day in {mapping.timezone}"
        notes[f"{said.when} is a {kind} without a zone: {meaning}"] += 1
    first, last = bounds(seen, mapping.timezone)
    if first > min(now, kept.modified_at or now) + _CLOCKS:
        notes["an event later than its message: a plan, kept without a fact"] += 1
        return None
    written = next((t for t in (kept.created_at, kept.modified_at) if t is not None and t >= first), last)
    if written > now + _CLOCKS and written > last:
        raise RowProblem(f"it was recorded in the future, {written:%Y-%m-%d %H:%M} UTC")
    recorded_at = min(written, now)
    problem = value_problem(said.kind, said.text if said.number is None else said.number, said.scale)
    if problem is not None:
        raise RowProblem(f"{kept.kind}: {problem}")
    scheme, name = said.animal
    source_id = f"{kept.source_id}/{said.part}"
    return Fact(
        row=kept.row,
        label_id=label_id(mapping.farm, mapping.source, source_id),
        source_id=source_id,
        scheme=mapping.scheme(scheme),
        identifier=name,
        kind=said.kind,
        value_number=said.number,
        value_text=said.text,
        scale=said.scale,
        unit=said.unit,
        site=said.site,
        severity=said.severity,
        observer=text(source, "responsible") or text(kept.message, "responsible"),
        occurred_after=None,
        occurred_from=min(first, recorded_at),
        occurred_by=min(last, recorded_at),
        recorded_at=recorded_at,
        retracted=False,
    )
