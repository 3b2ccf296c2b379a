"""What a report on one pen reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from herdbook.analytics.coverage import Span, gaps
from herdbook.analytics.shares import Bools, Floats, rate
from herdbook.errors import NotFoundError
from herdbook.reports.animal_rows import shown_axis
from herdbook.reports.marks import Marks, read_facts
from herdbook.reports.record import (
    RUN_IN,
    Group,
    midnight,
    read_changes,
    read_group,
    read_watched,
    zone_of,
)
from herdbook.reports.source import Axis, Source

BEHAVIOURS = ("sleeping", "lying", "sitting", "eating", "drinking", "investigating", "social", "walking", "standing")
"""Areas of the budget, from below; lying is lying awake, standing is standing and doing nothing else."""
_ANIMALS = """
SELECT DISTINCT animal_id FROM animal_day WHERE pen_id = $pen AND day BETWEEN $first AND $last ORDER BY animal_id
"""


@dataclass(frozen=True)
class PenRecord:
    """One pen; arrays ``[n]`` over the shown days."""

    pen: Mapping[str, Any]
    """Its row of the roster: pen_id, farm_id, name."""
    axis: Axis
    group: Group
    """The animals that were there, with the run-in and with days in other pens."""
    there: Bools
    """``[animals, n]`` whether each was in this pen."""
    marks: Marks
    days: Mapping[str, Floats]
    """Columns of `pen_day`."""
    budget: Mapping[str, Floats]
    """Share of observed time by behaviour."""
    """Until when farm records were known; none if as now."""


def read_pen(source: Source, pen: str, since: date | None = None, until: date | None = None) -> PenRecord:
    """Read one pen.

    Args:
        source: to read from.
        pen: its id.
        since: first farm-local day; its first otherwise.
        until: last farm-local day; its last otherwise.

    Raises:
        NotFoundError: there is no such pen.
        NothingToReportError: it has no day in the range.
    """
    rows = source.rows("FROM pen WHERE pen_id = $pen", {"pen": pen})
    extent = source.rows("SELECT min(day) AS first, max(day) AS last FROM pen_day WHERE pen_id = $pen", {"pen": pen})[0]
    if not rows and extent["first"] is None:
        raise NotFoundError(f"there is no pen '{pen}' in {source.name}", '`herdbook sql "FROM pen"` lists the roster.')
    axis = shown_axis(f"pen '{pen}'", (extent["first"], extent["last"]), since, until, source.as_of)
    wide = Axis(axis.first - RUN_IN, axis.last)
    farm_zone = zone_of(source, rows[0]["farm_id"] if rows else None)
    asked = {"pen": pen, "first": axis.first, "last": axis.last}
    animals = [row["animal_id"] for row in source.rows(_ANIMALS, asked)]
    pens = source.rows(
        "SELECT DISTINCT pen_id FROM animal_day WHERE list_contains($animals, animal_id) AND pen_id IS NOT NULL",
        {"animals": animals},
    )
    changes = read_changes(source, [row["pen_id"] for row in pens], wide, farm_zone)
    group = read_group(source, animals, wide, changes, wide.position(axis.first))
    own = group.pens.index(pen) if pen in group.pens else -2
    there = group.pen[:, group.shown :] == own
    whole = Span(midnight(axis.first), midnight(axis.last) + timedelta(days=1))
    facts = read_facts(source, animals, axis, farm_zone)
    facts = [f for f in facts if there[animals.index(f.animal_id), axis.position(f.day)]]
    found = source.columns("FROM pen_day WHERE pen_id = $pen AND day BETWEEN $first AND $last", asked)
    days = {
        name: axis.place(found["day"], values)
        for name, values in found.items()
        if name not in ("farm_id", "pen_id", "day")
    }
    mine = read_changes(source, [pen], axis, farm_zone)
    watched = read_watched(source, [pen], axis, farm_zone)[pen]
    return PenRecord(
        pen=rows[0] if rows else {"pen_id": pen},
        axis=axis,
        group=group,
        there=there,
        marks=Marks(mine, gaps(watched, [whole]), facts),
        days=days,
        budget=_budget(days),
    )


def _budget(days: Mapping[str, Floats]) -> dict[str, Floats]:
    """Shares of observed time that add up to one: postures without what the animals did in them."""
    seconds = {name: days[f"{name}_s"] for name in BEHAVIOURS}
    doing = [seconds[name] for name in ("eating", "drinking", "investigating", "social", "walking")]
    seconds["lying"] = seconds["lying"] - np.nan_to_num(seconds["sleeping"])
    seconds["standing"] = seconds["standing"] - np.sum(np.nan_to_num(doing), axis=0)
    shares = {name: rate(np.maximum(values, 0), days["behaviour_s"]) for name, values in seconds.items()}
    return {name: values for name, values in shares.items() if not np.isnan(values).all()}
