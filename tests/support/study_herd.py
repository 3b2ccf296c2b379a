"""A simulated herd on the day level as the tables that studies read: tens of milliseconds instead of a lake."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from herdbook.simulate.herd import herd_days
from herdbook.simulate.herd.cameras import day_starts
from herdbook.simulate.herd.days import HerdDays
from herdbook.simulate.herd.hazard import CULLED, DIED, STAYED
from herdbook.simulate.herd.labels import NEVER
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.studies.source import SCHEMAS, Source, memory_source

_BEFORE = 1000
"""Days before the herd's first that animals may have come on."""


def herd_source(plan: HerdPlan, herd: HerdDays | None = None) -> Source:
    """The herd of a plan, ready for `herdbook.studies.assemble`; ``herd`` if it was drawn already.

    Pens of an animal are those of its days; what the farm noticed are diagnoses of lameness, departures and
    deaths.
    """
    drawn = herd or herd_days(plan)
    seen = drawn.days.filter(pc.greater(drawn.days["observed_s"], 0))
    rows = len(seen)
    tracklet = _names("t", np.arange(rows))
    key = {
        "farm_id": _same(plan.farm_id, rows),
        "device_id": _names("d", seen["device"].to_numpy()),
        "load_id": _same("l", rows),
        "tracklet_id": tracklet,
        "day": _dates(plan, seen["day"].to_numpy()),
    }
    starts = _midnights(plan, seen["day"].to_numpy())
    observed = seen["observed_s"].to_numpy().astype(np.int64)
    releases = np.array([r.release_id for r in plan.releases])
    animal = _names("a", seen["animal"].to_numpy())
    tables = {
        "farm": {"farm_id": [plan.farm_id], "timezone": [plan.timezone]},
        "pen": _pens(plan),
        "animal": _animals(plan, drawn),
        "pen_stay": _stays(plan, drawn),
        "animal_day": {
            "animal_id": animal,
            "day": key["day"],
            "behaviour_s": seen["observed_s"],
            "lying_s": seen["lying_s"],
        },
        "tracklet": key
        | {
            "release_id": pa.array(releases[seen["release"].to_numpy()]),
            "started_at": _instants(starts),
            "ended_at": _instants(starts + observed * 1_000_000),
        },
        "identity": key
        | {"animal_id": animal, "confidence": seen["confidence"], "identified": pa.array(np.ones(rows, bool))},
    }
    made = {name: _as(name, columns) for name, columns in tables.items()}
    labels = [_as("label_current", columns) for columns in (_labels(plan, drawn), _exits(plan, drawn))]
    return memory_source(made | {"label_current": pa.concat_tables(labels)})


def _as(name: str, columns: dict[str, object]) -> pa.Table:
    schema = SCHEMAS[name]
    table = pa.table(columns)
    for field in schema:
        if field.name not in table.column_names:
            table = table.append_column(field.name, pa.nulls(len(table), field.type))
    return table.select(schema.names).cast(schema)


def _pens(plan: HerdPlan) -> dict[str, object]:
    pens = plan.devices * plan.pens_per_device
    return {"pen_id": _names("p", np.arange(pens)), "farm_id": _same(plan.farm_id, pens)}


def _animals(plan: HerdPlan, herd: HerdDays) -> dict[str, object]:
    rows = len(herd.animals)
    return {
        "animal_id": _names("a", herd.animals["animal"].to_numpy()),
        "farm_id": _same(plan.farm_id, rows),
        "species": _same(plan.species, rows),
    }


def _stays(plan: HerdPlan, herd: HerdDays) -> dict[str, object]:
    """Runs of days of an animal in one pen; the first reaches back to its entry, the last on where it stays."""
    animal, day, pen = (herd.days[name].to_numpy() for name in ("animal", "day", "pen"))
    begins = np.append(True, (np.diff(animal) != 0) | (np.diff(pen) != 0) | (np.diff(day) != 1))
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(animal)) - 1
    who = animal[first]
    entry = herd.animals["entry"].to_numpy()[who]
    since = np.where(day[first] == 0, np.maximum(entry, -_BEFORE), day[first])
    stays = day[last] == plan.days - 1
    until = _midnights(plan, np.minimum(day[last] + 1, plan.days - 1))
    return {
        "animal_id": _names("a", who),
        "pen_id": _names("p", pen[first]),
        "valid_from": _instants(_midnights(plan, since)),
        "valid_to": pa.array(until, mask=stays).cast(pa.timestamp("us", tz="UTC")),
    }


def _labels(plan: HerdPlan, herd: HerdDays) -> dict[str, object]:
    d = herd.diagnoses
    rows, sound = len(d), d["sound_on"].to_numpy()
    known = sound != NEVER
    after = _midnights(plan, np.where(known, sound, 0))
    return {
        "label_id": _names("l", np.arange(rows)),
        "animal_id": _names("a", d["animal"].to_numpy()),
        "farm_id": _same(plan.farm_id, rows),
        "kind": _same("diagnosis", rows),
        "value_text": _same("lameness", rows),
        "scale": _same("local", rows),
        "occurred_after": pa.array(after, mask=~known).cast(pa.timestamp("us", tz="UTC")),
        "occurred_day": _dates(plan, d["day"].to_numpy()),
    }


def _exits(plan: HerdPlan, herd: HerdDays) -> dict[str, object]:
    """Why animals left, dated on the first day on which they were gone."""
    gone = herd.animals.filter(pc.not_equal(herd.animals["cause"], STAYED))
    cause = gone["cause"].to_numpy()
    reason = np.select([cause == CULLED, cause == DIED], ["culled", "died"], "planned")
    return {
        "label_id": _names("x", np.arange(len(gone))),
        "animal_id": _names("a", gone["animal"].to_numpy()),
        "farm_id": _same(plan.farm_id, len(gone)),
        "kind": pa.array(np.where(cause == DIED, "death", "departure")),
        "value_text": pa.array(reason),
        "occurred_day": _dates(plan, gone["exit"].to_numpy()),
    }


def _midnights(plan: HerdPlan, days: np.ndarray) -> np.ndarray:
    """Microseconds of UTC since 1970 at which farm-local days of the herd begin."""
    found: np.ndarray = _starts(plan.start_day, plan.days, plan.timezone)[days + _BEFORE] * 1_000_000
    return found


@lru_cache(maxsize=4)
def _starts(start_day: date, days: int, timezone: str) -> np.ndarray:
    return day_starts(start_day - timedelta(days=_BEFORE), days + _BEFORE + 1, timezone)


def _dates(plan: HerdPlan, days: np.ndarray) -> pa.Array:
    return pa.array(np.datetime64(plan.start_day, "D") + days.astype("timedelta64[D]"))


def _instants(micros: np.ndarray) -> pa.Array:
    return pa.array(micros).cast(pa.timestamp("us", tz="UTC"))


def _names(letter: str, numbers: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise(letter, pc.cast(pa.array(numbers), pa.string()), "")


def _same(value: str, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), rows)
