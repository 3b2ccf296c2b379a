"""Nights of a simulated herd: the same animals, tracklets and looks as `herdbook simulate herd` writes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from herdbook.learning.reid.nights import Night
from herdbook.simulate.herd.cells import Chunk
from herdbook.simulate.herd.looks import SeenLooks, looks_of_tracklets, seen_looks
from herdbook.simulate.herd.plan import HerdPlan, make_herd_plan
from herdbook.simulate.herd.records import Filled, fill

HARD = {
    "days": 360,
    "devices": 1,
    "pens_per_device": 1,
    "animals_per_pen": 16,
    "stays": {"stay_days": (400, 450), "move_share": 0.0},
    "culling": {"rate_per_year": 0.0},
    "detail": {
        "embeddings_per_hour": 7,
        "tracklets_per_day": 10,
        "chunk_days": 6,
        "ageing_per_year": 0.9,
        "look_noise": 1.2,
    },
    "looks": {"posture": 1.8, "dirt": 1.2, "night": 1.2, "nuisance_dimensions": 48},
}
"""What the harness's table is made on: one pen of look-alikes, with posture, dirt, night, and growth."""


def hard_plan(seed: int, **more: object) -> HerdPlan:
    """The harness's own herd."""
    return make_herd_plan({**HARD, "seed": seed, **more})


def herd_nights(plan: HerdPlan, days: range) -> Iterator[Night]:
    """Nights of a herd's first device; strangers are on none.

    Args:
        plan: with embeddings (``detail.embeddings_per_hour``).
        days: which days of the herd.
    """
    step = plan.detail.chunk_days
    for first in sorted({day // step * step for day in days}):
        chunk = fill(plan, Chunk(0, first, min(first + step, plan.days)))
        pieces = list(seen_looks(chunk, looks_of_tracklets(chunk)))
        for day in range(chunk.chunk.first, chunk.chunk.stop):
            if day in days and pieces:
                yield _night(chunk, pieces, day)


def _night(f: Filled, pieces: list[SeenLooks], day: int) -> Night:
    t, order = f.tracklets, f.order
    cell = t.cell[order]
    mine = np.flatnonzero(f.cells.day[cell] == day)
    number = np.full(len(order), -1)
    number[mine] = np.arange(len(mine))
    seen = SeenLooks(*(np.concatenate([getattr(p, name) for p in pieces]) for name in SeenLooks.__dataclass_fields__))
    rows = np.flatnonzero(number[seen.tracklet] >= 0)
    rows = rows[np.lexsort((seen.at[rows], seen.tracklet[rows]))]
    midnight = f.midnight[day - f.chunk.first]
    cameras = [f.names.camera(f.chunk.device, pen) for pen in range(f.plan.pens_per_device)]
    there = np.flatnonzero(f.part.animals.occupant[:, day] >= 0)
    at_home = {int(f.part.animals.occupant[p, day]): cameras[f.part.animals.pen_of[p, day]] for p in there.tolist()}
    begun = day * 86_400.0
    return Night(
        number=day,
        camera=tuple(cameras[pen] for pen in f.cells.pen[cell[mine]].tolist()),
        start=begun + t.start[order][mine].astype(np.float64),
        end=begun + t.stop[order][mine].astype(np.float64),
        truth=f.cells.animal[cell[mine]].astype(np.int64),
        pens=at_home,
        tracklet=number[seen.tracklet[rows]].astype(np.int64),
        vectors=seen.vectors[rows],
        quality=seen.quality[rows].astype(np.float64),
        seen_s=begun + (seen.at[rows] - midnight) / 1e6,
    )
