"""What is true of a simulated herd, in files of its own: nothing of it is in the tables that studies read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa

from herdbook.simulate.herd.columns import named
from herdbook.simulate.herd.days import DeviceDays
from herdbook.simulate.herd.hazard import CULLED, DIED, LEFT, STAYED
from herdbook.simulate.herd.names import Names
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.herd.records import Filled

_CAUSES = {STAYED: "stayed", LEFT: "planned", CULLED: "culled", DIED: "died"}


def animal_truth(plan: HerdPlan, parts: Sequence[DeviceDays]) -> pa.Table:
    """One row per animal: first day, first day gone, why, and its own deviation from the mean lying share."""
    names = Names(plan)
    return pa.concat_tables(
        pa.table(
            {
                "animal_id": [names.animal(device, a) for a in range(len(part.animals))],
                "entry": _days(plan, part.animals.entry),
                "exit": _days(plan, part.ends.exit),
                "cause": named(part.ends.cause, [_CAUSES[c] for c in range(len(_CAUSES))]),
                "effect": part.animals.effect,
            }
        ).unify_dictionaries()
        for device, part in enumerate(parts)
    )


def illness_truth(plan: HerdPlan, parts: Sequence[DeviceDays]) -> pa.Table:
    """One row per illness that could be seen: the day it began, and the index day from which it could be seen."""
    names = Names(plan)
    return pa.concat_tables(
        pa.table(
            {
                "animal_id": pa.array([names.animal(device, a) for a in part.illnesses.animal.tolist()], pa.string()),
                "onset": _days(plan, part.illnesses.onset),
                "index": _days(plan, part.illnesses.index),
            }
        )
        for device, part in enumerate(parts)
    )


def day_truth(f: Filled) -> pa.Table:
    """One row per animal-day with observed time: its whole day's lying share, and what of its own was observed."""
    c = f.cells
    animals = [f.names.animal(f.chunk.device, a) for a in range(len(f.part.animals))]
    return pa.table(
        {
            "animal_id": named(c.animal, animals),
            "day": _days(f.plan, c.day),
            "share": c.share,
            "observed_s": c.observed_s,
            "lying_s": c.lying_s,
            "claimed_animal_id": named(c.claimed, animals),
            "switched": c.switched,
        }
    )


def tracklet_truth(f: Filled) -> pa.Table:
    """One row per tracklet: whose it is, whatever is claimed."""
    animals = [f.names.animal(f.chunk.device, a) for a in range(len(f.part.animals))]
    return pa.table(
        {
            "load_id": named(f.day_of[f.order], f.loads),
            "tracklet_id": pa.array(f.tracklet_ids, pa.string()),
            "animal_id": named(f.cells.animal[f.tracklets.cell[f.order]], animals),
        }
    )


def _days(plan: HerdPlan, days: np.ndarray) -> pa.Array:
    first = (plan.start_day - plan.start_day.replace(year=1970, month=1, day=1) + timedelta(0)).days
    return pa.array(days.astype(np.int32) + np.int32(first), pa.int32()).cast(pa.date32())
