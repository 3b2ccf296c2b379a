"""One animal, or the animals of one pen, as arrays over days, with all that is drawn over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from herdbook.analytics.baseline import WINDOW_DAYS, segments
from herdbook.analytics.coverage import Span
from herdbook.analytics.shares import Floats, Ints, rate
from herdbook.contracts.farmtime import zone
from herdbook.reports.measures import MEASURES, WALKING, Measure
from herdbook.reports.source import Axis, Source

RUN_IN = timedelta(days=WINDOW_DAYS)
"""So many days before the first that is shown are read, for the baselines of the first."""
_AMOUNTS = tuple(dict.fromkeys(name for m in (*MEASURES, WALKING) for name in (m.amount, m.observed)))
_DAYS = f"""
SELECT animal_id, day, pen_id, camera_on_s, {", ".join(_AMOUNTS)}
FROM animal_day
WHERE day BETWEEN $first AND $last AND list_contains($animals, animal_id)
"""  # noqa: S608 - names of our own
_CHANGES = """
SELECT DISTINCT c.device_id, c.last_from_at, c.first_to_at, c.from_release_id, c.to_release_id, c.day
FROM model_change AS c
SEMI JOIN camera_setup AS s ON s.device_id = c.device_id AND list_contains($pens, s.pen_id)
WHERE c.day BETWEEN $first AND $last
ORDER BY c.first_to_at
"""


@dataclass(frozen=True)
class ModelChange:
    """A switch of model over the animals' pens, in farm-local time."""

    at: datetime
    day: date
    before: str
    after: str


@dataclass(frozen=True)
class Group:
    """Animals over days, those before the first that is shown included: ``[animals, days]``."""

    axis: Axis
    """Of all that was read."""
    shown: int
    """Position of the first day that is shown."""
    animals: tuple[str, ...]
    pens: tuple[str, ...]
    pen: Ints
    """Index into ``pens``; negative where unknown."""
    segment: Ints
    """Runs of days of one release in one pen."""
    columns: Mapping[str, Floats]

    def values(self, measure: Measure) -> Floats:
        """A measure per observed second; NaN where too little was observed."""
        return rate(self.columns[measure.amount], self.columns[measure.observed])


def read_group(source: Source, animals: Sequence[str], axis: Axis, changes: Sequence[ModelChange], shown: int) -> Group:
    """Days of some animals.

    Args:
        source: to read from.
        animals: whose.
        axis: days to read.
        changes: switches of model over them, which part baselines.
        shown: position of the first day that is shown.
    """
    found = source.columns(_DAYS, {"first": axis.first, "last": axis.last, "animals": list(animals)})
    index = {animal: k for k, animal in enumerate(animals)}
    row = np.array([index[name] for name in found["animal_id"]], np.int64)
    at = axis.positions(found["day"])
    pens = sorted({pen for pen in found["pen_id"] if pen is not None})
    of_pen = {pen: k for k, pen in enumerate(pens)}
    pen = np.full((len(animals), axis.n), -1, np.int64)
    pen[row, at] = [of_pen.get(name, -1) for name in found["pen_id"]]
    columns = {}
    for name in ("camera_on_s", *_AMOUNTS):
        columns[name] = np.full((len(animals), axis.n), np.nan)
        columns[name][row, at] = np.asarray(found[name], float)
    release = np.zeros(axis.n, np.int64)
    for change in changes:
        release[max(axis.position(change.day), 0) :] += 1
    return Group(axis, shown, tuple(animals), tuple(pens), pen, segments(_carried(pen), release), columns)


def read_changes(source: Source, pens: Sequence[str], axis: Axis, farm_zone: ZoneInfo) -> list[ModelChange]:
    """Switches of model of the devices that watched some pens."""
    asked = {"pens": list(pens), "first": axis.first, "last": axis.last}
    return [
        ModelChange(local(row["first_to_at"], farm_zone), row["day"], row["from_release_id"], row["to_release_id"])
        for row in source.rows(_CHANGES, asked)
    ]


def read_watched(source: Source, pens: Sequence[str], axis: Axis, farm_zone: ZoneInfo) -> dict[str, list[Span]]:
    """When each pen was watched, in farm-local time."""
    found: dict[str, list[Span]] = {pen: [] for pen in pens}
    query = """
    SELECT pen_id, started_at, ended_at FROM pen_watched
    WHERE list_contains($pens, pen_id) AND day BETWEEN $first AND $last
    """
    for row in source.rows(query, {"pens": list(pens), "first": axis.first, "last": axis.last}):
        found[row["pen_id"]].append(Span(local(row["started_at"], farm_zone), local(row["ended_at"], farm_zone)))
    return found


def read_stays(source: Source, animal: str, axis: Axis, farm_zone: ZoneInfo) -> list[dict[str, Any]]:
    """Stays of an animal on the axis: ``pen_id``, ``span`` in farm-local time."""
    rows = source.rows("FROM pen_stay WHERE animal_id = $animal ORDER BY valid_from, pen_id", {"animal": animal})
    begin, end = midnight(axis.first), midnight(axis.last) + timedelta(days=1)
    found = []
    for row in rows:
        start = max(local(row["valid_from"], farm_zone), begin)
        stop = min(local(row["valid_to"], farm_zone) if row["valid_to"] is not None else end, end)
        if start < stop:
            found.append({"pen_id": row["pen_id"], "span": Span(start, stop)})
    return found


def local(moment: datetime, farm_zone: ZoneInfo) -> datetime:
    """An instant as the farm's clock shows it, without a zone."""
    return moment.astimezone(farm_zone).replace(tzinfo=None)


def midnight(day: date) -> datetime:
    """The beginning of a day by the farm's clock."""
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the farm's clock


def zone_of(source: Source, farm_id: str | None) -> ZoneInfo:
    """The farm's time zone, UTC where the roster does not know it."""
    rows = source.rows("SELECT timezone FROM farm WHERE farm_id = $farm", {"farm": farm_id})
    return zone(rows[0]["timezone"] if rows and rows[0]["timezone"] else "UTC")


def _carried(codes: Ints) -> Ints:
    """Unknown (negative) codes take the last known one: a day without a pen is no move."""
    known = np.where(codes >= 0, np.arange(codes.shape[-1]), 0)
    return np.asarray(np.take_along_axis(codes, np.maximum.accumulate(known, axis=-1), axis=-1))
