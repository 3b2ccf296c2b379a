"""What people enrolled: of each animal, in each embedding space, some looks of the first day it was seen there."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from herdbook.simulate.herd.columns import plain, same
from herdbook.simulate.herd.population import NOBODY, Bools
from herdbook.simulate.herd.records import Filled

LOOKS = 5
OBSERVER = "simulated"


def enrolling_tracklets(f: Filled) -> Bools:
    """``[m]`` by number: tracklets of an animal's first observed day in the embedding space of that day's release."""
    spaces = np.array([sorted(set(f.names.spaces)).index(name) for name in f.names.spaces])
    space = spaces[f.part.release]
    place, day = np.nonzero(f.part.observed_s > 0)
    animal = f.part.animals.occupant[place, day]
    first = np.full((len(f.part.animals), spaces.max() + 1), NOBODY, np.int64)
    latest_first = slice(None, None, -1)  # the last to be written is the earliest
    order = np.argsort(day, kind="stable")[latest_first]
    first[animal[order], space[day[order]]] = day[order]
    cell = f.tracklets.cell[f.order]
    day_of = f.cells.day[cell]
    return np.asarray((first[f.cells.animal[cell], space[day_of]] == day_of) & f.tracklets.named[f.order])


def enrolment_rows(f: Filled, looks: pa.Table) -> pa.Table:
    """``identity.enrolment`` from embeddings of enrolling tracklets: the first `LOOKS` of each animal and space.

    People know whom they enrol: the animal is the true one, whatever the claims say.
    """
    looks = plain(looks)
    number = pc.index_in(looks["tracklet_id"], pa.array(f.tracklet_ids, pa.string())).to_numpy()
    animal = f.cells.animal[f.tracklets.cell[f.order[number]]]
    space = looks["space_id"].to_numpy(zero_copy_only=False).astype(str)
    order = np.lexsort((looks["at"].to_numpy(), space, animal))
    same_pair = (animal[order][1:] == animal[order][:-1]) & (space[order][1:] == space[order][:-1])
    begins = np.append(True, ~same_pair)
    rank = np.arange(len(order)) - np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    keep = np.sort(order[rank < LOOKS])
    taken = looks.take(keep)
    names = [f.names.animal(f.chunk.device, a) for a in animal[keep].tolist()]
    micros = taken["at"].cast(pa.int64()).to_pylist()
    ids = [f"{n}:{s}:{at}" for n, s, at in zip(names, space[keep], micros, strict=True)]
    return pa.table(
        {
            "enrolment_id": ids,
            "animal_id": names,
            **{name: taken[name] for name in ("tracklet_id", "space_id", "at", "vector", "scale")},
            "recorded_at": taken["at"],
            "recorded_by": same(OBSERVER, len(keep)),
            "retracted": same(False, len(keep), pa.bool_()),
        }
    )
