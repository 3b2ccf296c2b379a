"""What a report on one animal reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from herdbook.analytics.coverage import Span, gaps
from herdbook.analytics.growth import LEAST_MEASURED
from herdbook.analytics.shares import Floats
from herdbook.analytics.spells import Spells
from herdbook.errors import NotFoundError, NothingToReportError
from herdbook.reports.marks import Fact, Marks, read_facts
from herdbook.reports.record import (
    RUN_IN,
    Group,
    midnight,
    read_changes,
    read_group,
    read_stays,
    read_watched,
    zone_of,
)
from herdbook.reports.source import Axis, Source

_EXTENT = "SELECT min(day) AS first, max(day) AS last FROM animal_day WHERE animal_id = $animal"
_MATES = """
SELECT DISTINCT m.animal_id
FROM animal_day AS m
SEMI JOIN (SELECT farm_id, pen_id, day FROM animal_day WHERE animal_id = $animal AND day BETWEEN $first AND $last) AS o
    ON m.farm_id = o.farm_id AND m.pen_id = o.pen_id AND m.day = o.day
WHERE m.day BETWEEN $first AND $last AND m.animal_id <> $animal
ORDER BY m.animal_id
"""
_BUDGET = """
SELECT day, behaviour, posture, sum(seconds) AS seconds, sum(behaviour_s) AS behaviour_s
FROM animal_day_behaviour
WHERE animal_id = $animal AND day BETWEEN $first AND $last
GROUP BY ALL
"""
_SURE = """
SELECT day, sum(confidence * seconds) / sum(seconds) AS confidence
FROM animal_timeline
WHERE animal_id = $animal AND day BETWEEN $first AND $last
GROUP BY day
"""


@dataclass(frozen=True)
class AnimalRecord:
    """One animal; arrays ``[n]`` over the shown days."""

    animal: Mapping[str, Any]
    """Its row of the roster: species, sex, born_on, farm_id."""
    axis: Axis
    """The shown days."""
    group: Group
    """The animal, first, and its pen-mates, with the run-in."""
    marks: Marks
    stays: Sequence[Mapping[str, Any]]
    budget: Mapping[str, Floats]
    """Seconds by behaviour, lying ones first."""
    observed: Mapping[str, Floats]
    """Seconds in which each could be seen."""
    confidence: Floats
    """Mean confidence that it is this animal."""
    bouts: Spells
    visits: Mapping[str, Spells]
    movement: Mapping[str, Floats]
    weights: Sequence[Fact]
    """Until when farm records were known; none if as now."""

    @property
    def drawn_until(self) -> date:
        """The time axis of all plots goes on past the last day where weights are forecast."""
        ahead = min(28, self.axis.n // 5) if len(self.weights) >= LEAST_MEASURED else 0
        return self.axis.last + timedelta(days=ahead)


def read_animal(source: Source, animal: str, since: date | None = None, until: date | None = None) -> AnimalRecord:
    """Read one animal.

    Args:
        source: to read from.
        animal: its id.
        since: first farm-local day; its first otherwise.
        until: last farm-local day; its last otherwise.

    Raises:
        NotFoundError: there is no such animal.
        NothingToReportError: it has no day in the range.
    """
    rows = source.rows("FROM animal WHERE animal_id = $animal", {"animal": animal})
    extent = source.rows(_EXTENT, {"animal": animal})[0]
    if not rows and extent["first"] is None:
        raise NotFoundError(
            f"there is no animal '{animal}' in {source.name}", '`herdbook sql "FROM animal"` lists the roster.'
        )
    axis = shown_axis(f"animal '{animal}'", (extent["first"], extent["last"]), since, until, source.as_of)
    wide = Axis(axis.first - RUN_IN, axis.last)
    farm_zone = zone_of(source, rows[0]["farm_id"] if rows else None)
    stays = read_stays(source, animal, axis, farm_zone)
    asked = {"animal": animal, "first": axis.first, "last": axis.last}
    mates = [row["animal_id"] for row in source.rows(_MATES, asked)]
    seen = source.rows(
        "SELECT DISTINCT pen_id FROM animal_day WHERE animal_id = $animal AND pen_id IS NOT NULL"
        " AND day BETWEEN $first AND $last ORDER BY 1",
        {"animal": animal, "first": wide.first, "last": wide.last},
    )
    pens = [row["pen_id"] for row in seen]
    changes = read_changes(source, pens, wide, farm_zone)
    group = read_group(source, [animal, *mates], wide, changes, wide.position(axis.first))
    watched = read_watched(source, pens, axis, farm_zone)
    unwatched = [gap for stay in stays for gap in gaps(watched.get(stay["pen_id"], []), [stay["span"]])]
    if not stays:  # not on the roster: what no camera saw of the pens that it was seen in
        whole = Span(midnight(axis.first), midnight(axis.last) + timedelta(days=1))
        unwatched = gaps([span for spans in watched.values() for span in spans], [whole])
    facts = read_facts(source, [animal], axis, farm_zone)
    budget, observed = _budget(source, asked, axis)
    return AnimalRecord(
        animal=rows[0] if rows else {"animal_id": animal},
        axis=axis,
        group=group,
        marks=Marks([c for c in changes if c.day >= axis.first], unwatched, facts),
        stays=stays,
        budget=budget,
        observed=observed,
        confidence=_placed(source, _SURE, asked, axis)["confidence"],
        bouts=_spells(source, "animal_lying_bout", asked, axis),
        visits={name: _spells(source, "animal_visit", asked, axis, name) for name in ("eating", "drinking")},
        movement=_placed(source, "FROM animal_day_movement WHERE animal_id = $animal", asked, axis),
        weights=[fact for fact in facts if fact.kind == "weight" and fact.number is not None],
    )


def shown_axis(
    what: str, extent: tuple[date | None, date | None], since: date | None, until: date | None, as_of: date | None
) -> Axis:
    """The days that a report shows.

    Raises:
        NothingToReportError: none is left.
        InputError: the range ends before it begins.
    """
    if since is not None and until is not None:
        Axis(since, until)  # refuses a range the wrong way round
    first, last = extent
    if first is None or last is None:
        raise NothingToReportError(f"no day of {what} is recorded", "`herdbook load` brings days into the herd.")
    begin, end = max(first, since or first), min(last, until or last)
    if as_of is not None:
        end = min(end, as_of - timedelta(days=1))
    if end < begin:
        raise NothingToReportError(f"{what} has no day in that range: it is recorded from {first} to {last}")
    return Axis(begin, end)


def _budget(source: Source, asked: Mapping[str, Any], axis: Axis) -> tuple[dict[str, Floats], dict[str, Floats]]:
    found = source.columns(_BUDGET, asked)
    order = {"lying": 0, "sitting": 1, "standing": 2}
    names = {
        (order.get(posture, 3), name != "sleeping", name == "standing", name)
        for posture, name in zip(found["posture"], found["behaviour"], strict=True)
    }
    seconds, observed = {}, {}
    for *_, name in sorted(names):
        mine = found["behaviour"] == name
        seconds[name] = axis.place(found["day"][mine], found["seconds"][mine])
        observed[name] = axis.place(found["day"][mine], found["behaviour_s"][mine])
    return seconds, observed


def _placed(source: Source, query: str, asked: Mapping[str, Any], axis: Axis) -> dict[str, Floats]:
    needed = {name: value for name, value in asked.items() if f"${name}" in query}
    found = source.columns(query, needed)
    days = found.pop("day")
    return {name: axis.place(days, values) for name, values in found.items() if values.dtype.kind == "f"}


def _spells(source: Source, view: str, asked: Mapping[str, Any], axis: Axis, behaviour: str | None = None) -> Spells:
    which = "" if behaviour is None else f" AND behaviour = '{behaviour}'"
    query = f"""
    SELECT day, seconds_between(started_at, ended_at) AS seconds, began_seen, ended_seen
    FROM {view}
    WHERE animal_id = $animal{which} AND day BETWEEN $first AND $last
    ORDER BY started_at
    """  # noqa: S608 - names of our own
    found = source.columns(query, asked)
    flags = (np.asarray(found[name], bool) for name in ("began_seen", "ended_seen"))
    return Spells(axis.positions(found["day"]), np.asarray(found["seconds"], float), *flags)
