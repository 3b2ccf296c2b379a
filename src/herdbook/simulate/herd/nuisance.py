"""What moves an animal's looks away from its own: posture, dirt and the light of the night.

Posture and dirt move looks within a few dimensions that all animals of a space share. So two animals in one posture may
look more alike than one animal in two, which is what makes re-identification hard; noise in all dimensions does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.herd.plan import HerdPlan, LookPlan
from herdbook.simulate.herd.population import Floats, Ints
from herdbook.simulate.streams import stream

Longs = NDArray[np.int64]
DUSK, DAWN = 20, 6
"""Hours of the farm's day from which, and until which, it is night."""


@dataclass(frozen=True)
class Nuisance:
    """Of one device's animals in one space."""

    plan: LookPlan
    seed: int
    axes: Floats
    """``[k, d]`` of length 1."""
    dirt: Floats
    """``[epochs, n, k]`` of each animal while it is as dirty; zeros while it is clean."""
    nights: Floats
    """``[n, d]`` what the night adds to each animal's look."""

    def of(self, animal: Ints, day: Ints, tracklet: Longs, hour: Longs) -> Floats:
        """What is added to looks, ``[rows, d]``.

        Args:
            animal: ``[rows]``.
            day: ``[rows]`` of the herd.
            tracklet: ``[rows]`` numbers that tell tracklets apart.
            hour: ``[rows]`` of the farm's day.
        """
        which, place = np.unique(tracklet, return_inverse=True)
        k = len(self.axes)
        length = self.plan.posture / np.sqrt(k)
        posture = (
            np.stack([np.random.default_rng((self.seed, int(t))).standard_normal(k) for t in which])[place] * length
        )
        coordinates = posture + self.dirt[day // self.plan.dirt_days, animal]
        added = coordinates @ self.axes
        dark = (hour >= DUSK) | (hour < DAWN)
        added[dark] += self.nights[animal[dark]]
        return np.asarray(added, np.float32)


def nuisance(plan: HerdPlan, device: int, space: str, animals: int) -> Nuisance | None:
    """What moves the looks of a device's animals; None where the plan says that nothing does."""
    asked = plan.looks
    if asked.posture == asked.dirt == asked.night == 0:
        return None
    d, k = plan.detail.dimensions, min(asked.nuisance_dimensions, plan.detail.dimensions)
    axes = _unit(stream(plan.seed, plan.farm_id, "nuisance", space).standard_normal((k, d)))
    rng = stream(plan.seed, plan.farm_id, device, "nuisance", space)
    epochs = plan.days // asked.dirt_days + 1
    dirty = rng.random((epochs, animals, 1)) < asked.dirty
    dirt = rng.standard_normal((epochs, animals, k)) * dirty * (asked.dirt / np.sqrt(k))
    common, own = _unit(rng.standard_normal((1, d))), _unit(rng.standard_normal((animals, d)))
    nights = asked.night * np.sqrt(0.5) * (common + own)
    seed = int(stream(plan.seed, plan.farm_id, device, "posture", space).integers(2**62))
    return Nuisance(asked, seed, axes, dirt.astype(np.float32), nights)


def _unit(vectors: NDArray[np.float64]) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
