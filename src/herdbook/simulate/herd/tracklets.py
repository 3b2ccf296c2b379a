"""Tracklets: when an animal is followed on a day, so that the seconds followed are those of the day level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.herd.cells import Cells
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.herd.population import Bools, Ints

Longs = NDArray[np.int64]

SHORTEST_UNNAMED_S = 30


@dataclass(frozen=True)
class Tracklets:
    """``m`` tracklets, ordered by cell, then by time; those without a name after all others.

    Three clocks: of the day (seconds since local midnight), of the camera (its seconds on), and of the animal (its
    seconds observed, on which tracklets with a name lie end to end).
    """

    cell: Ints
    """``[m]``"""
    begins: Ints
    """``[m]`` on the animal's clock; 0 without a name."""
    start: Ints
    """``[m]`` on the day's clock."""
    stop: Ints
    """``[m]`` exclusive; later than ``start``."""
    named: Bools
    """``[m]`` whether it is claimed for an animal: only these make up the observed seconds."""


def follow(plan: HerdPlan, cells: Cells, rng: np.random.Generator) -> Tracklets:
    """Cut each cell's observed seconds into tracklets, spread them over the camera's time, cut them where it failed."""
    n, k = len(cells), plan.detail.tracklets_per_day
    ends = _split(rng, cells.observed_s, k)
    gaps = _split(rng, cells.on_s - cells.observed_s, k + 1)
    begins = np.concatenate([np.zeros((n, 1), np.int32), ends[:, :-1]], axis=1)
    cell = np.repeat(np.arange(n, dtype=np.int32), k)
    known = _cut_at_failure(cells, cell, begins.ravel(), (begins + gaps[:, :k]).ravel(), (ends - begins).ravel())
    # the gap before each tracklet, and the last one after it
    gap_from = np.concatenate([np.zeros((n, 1), np.int32), ends], axis=1) + np.concatenate(
        [np.zeros((n, 1), np.int32), gaps[:, :-1]], axis=1
    )
    length = np.diff(gaps, axis=1, prepend=0)
    unknown = (rng.random((n, k + 1)) < plan.identity.unknown) & (length >= SHORTEST_UNNAMED_S)
    at, column = np.nonzero(unknown)
    start = gap_from[at, column]
    stop = start + length[at, column]
    whole = ~((start < cells.off_from[at]) & (stop > cells.off_from[at]) & (cells.off_s[at] > 0))
    at, start, stop = at[whole].astype(np.int32), start[whole], stop[whole]
    unnamed = Tracklets(
        at, np.zeros_like(at), _on_day(cells, at, start), _until_on_day(cells, at, stop), np.zeros(len(at), bool)
    )
    return Tracklets(
        *(np.concatenate([one, other]) for one, other in zip(vars(known).values(), vars(unnamed).values(), strict=True))
    )


def _split(rng: np.random.Generator, total: Ints, parts: int) -> Ints:
    """``[n, parts]`` ends of the parts into which each total is cut at uniform places; the last is the total."""
    cuts = np.sort(rng.random((len(total), parts - 1)), axis=1)
    return np.concatenate([(cuts * total[:, None]).astype(np.int32), total[:, None]], axis=1)


def _cut_at_failure(cells: Cells, cell: Ints, begins: Ints, start: Ints, length: Ints) -> Tracklets:
    """Tracklets with a name from their place on the camera's clock; one that spans a failure becomes two."""
    keep = length > 0
    cell, begins, start, length = cell[keep], begins[keep], start[keep], length[keep]
    before = cells.off_from[cell] - start
    torn = (before > 0) & (before < length) & (cells.off_s[cell] > 0)
    order = np.argsort(np.concatenate([np.arange(len(cell)), np.nonzero(torn)[0] + 0.5]), kind="stable")
    late = before[torn]
    cell = np.concatenate([cell, cell[torn]])[order]
    stops = np.concatenate([np.where(torn, before, length), length[torn] - late])[order]
    begins = np.concatenate([begins, begins[torn] + late])[order]
    start = np.concatenate([start, start[torn] + late])[order]
    return Tracklets(
        cell, begins, _on_day(cells, cell, start), _until_on_day(cells, cell, start + stops), np.ones(len(cell), bool)
    )


def _on_day(cells: Cells, cell: Ints, on: Ints) -> Ints:
    """Seconds since midnight at which something begins, from the camera's clock."""
    return np.asarray(on + np.where(on >= cells.off_from[cell], cells.off_s[cell], 0), np.int32)


def _until_on_day(cells: Cells, cell: Ints, on: Ints) -> Ints:
    """Seconds since midnight at which something ends: at the failure, not after it."""
    return np.asarray(on + np.where(on > cells.off_from[cell], cells.off_s[cell], 0), np.int32)
