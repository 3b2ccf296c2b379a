"""The farm's roster as the lake holds it: who is there, tags, and stays with what was known of them when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import pyarrow as pa

from herdbook.contracts import farmtime
from herdbook.roster import rows as roster
from herdbook.simulate.herd.days import DeviceDays
from herdbook.simulate.herd.hazard import DIED
from herdbook.simulate.herd.names import Names
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.herd.species import SPECIES

SETTLED_DAYS = 28
SCHEME = "management"


def roster_rows(plan: HerdPlan, parts: Sequence[DeviceDays]) -> dict[str, pa.Table]:
    """All roster tables, by the lake's name.

    A stay has a version from when it began, without an end, and another from when it ended: nobody knew before.
    """
    names = Names(plan)
    since = instant(plan, -SETTLED_DAYS)
    known = {"recorded_at": since, "retracted": False, "source": source_of(names)}
    devices, pens = range(plan.devices), range(plan.pens_per_device)
    rows: dict[roster.RosterTable, list[dict[str, Any]]] = {
        roster.FARMS: [{"farm_id": plan.farm_id, "name": "Simulated herd", "timezone": plan.timezone}],
        roster.PENS: [
            {"pen_id": names.pen(d, p), "farm_id": plan.farm_id, "name": f"House {d + 1}, pen {p + 1}"}
            for d in devices
            for p in pens
        ],
        roster.DEVICES: [{"device_id": names.device(d), "farm_id": plan.farm_id, "sku": "simulated"} for d in devices],
        roster.CAMERAS: [
            {
                "camera_id": names.camera(d, p),
                "pen_id": names.pen(d, p),
                "device_id": names.device(d),
                "disjoint_from": [names.camera(d, q) for q in pens if q != p],
                "valid_from": since,
            }
            for d in devices
            for p in pens
        ],
        roster.ANIMALS: [row for d in devices for row in _animals(plan, names, d, parts[d])],
        roster.IDENTIFIERS: [row for d in devices for row in _tags(plan, names, d, parts[d])],
        roster.PEN_STAYS: [row for d in devices for row in _stays(plan, names, d, parts[d])],
    }
    return {
        table.table: pa.Table.from_pylist([known | row for row in found], schema=roster.arrow_schema(table))
        for table, found in rows.items()
    }


def source_of(names: Names) -> str:
    """What the rows of this plan are marked with; loading it twice is known by it."""
    return f"simulated-{names.digest[:16]}"


def _animals(plan: HerdPlan, names: Names, device: int, part: DeviceDays) -> Iterator[dict[str, Any]]:
    age = timedelta(days=SPECIES[plan.species].first_age_days)
    for a, (entry, female) in enumerate(zip(part.animals.entry.tolist(), part.animals.female.tolist(), strict=True)):
        yield {
            "animal_id": names.animal(device, a),
            "farm_id": plan.farm_id,
            "species": plan.species,
            "sex": "female" if female else "castrated",
            "born_on": plan.start_day + timedelta(days=entry) - age,
            "recorded_at": instant(plan, entry),
        }


def _tags(plan: HerdPlan, names: Names, device: int, part: DeviceDays) -> Iterator[dict[str, Any]]:
    for a, entry in enumerate(part.animals.entry.tolist()):
        came = instant(plan, entry)
        yield {
            "animal_id": names.animal(device, a),
            "farm_id": plan.farm_id,
            "scheme": SCHEME,
            "identifier": f"{device + 1:03d}-{a + 1:05d}",
            "valid_from": came,
            "recorded_at": came,
        }


def _stays(plan: HerdPlan, names: Names, device: int, part: DeviceDays) -> Iterator[dict[str, Any]]:
    animals, exits = part.animals, part.ends.exit
    columns = (animals.entry, exits, animals.pen, animals.next_pen, animals.moves_on)
    for a, (entry, leaves, pen, next_pen, moves) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        spans = [(pen, entry, min(moves, leaves))]
        if pen != next_pen and moves < min(leaves, plan.days):
            spans.append((next_pen, moves, leaves))
        for where, first, gone in spans:
            stay = {"animal_id": names.animal(device, a), "pen_id": names.pen(device, where)}
            came = {"valid_from": instant(plan, first), "recorded_at": instant(plan, first)}
            yield stay | came
            if gone < plan.days:  # what happens after the herd's last day nobody knows
                yield stay | came | {"valid_to": instant(plan, gone), "recorded_at": instant(plan, gone)}


def how_it_left(cause: int) -> str:
    """The kind of label that says so."""
    return "death" if cause == DIED else "departure"


def instant(plan: HerdPlan, day: int, hours: float = 0) -> datetime:
    """UTC of some hours after the local midnight of a day counted from the herd's first."""
    return _midnight(plan.start_day, day, plan.timezone) + timedelta(hours=hours)


@lru_cache(maxsize=20_000)
def _midnight(start: date, day: int, timezone: str) -> datetime:
    return farmtime.day_extent(start + timedelta(days=day), timezone).start.astimezone(UTC)
