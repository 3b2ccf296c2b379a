"""Whose records are taken for whose: look-alikes of a pen are exchanged for whole days; confidence says how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.herd.population import NOBODY, Bools, Floats, Population
from herdbook.simulate.streams import stream

WORST = 0.38
"""Greatest probability of a wrong claim: worse ones are not made. Confidence stays above the lake's threshold, 0.6."""
SURE = np.float32(0.995)


@dataclass(frozen=True)
class Confusion:
    """What identity claims say on each day."""

    switched: Bools
    """``[p, t]`` whether the animal's records are claimed for its look-alike, and the look-alike's for it."""
    confidence: Floats
    """``[p, t]`` of the claims about its records. Of pairs with confidence ``c``, a share ``1 - c`` is switched."""


def confuse(plan: HerdPlan, device: int, animals: Population, exits: np.ndarray) -> Confusion:
    """Draw the exchanges.

    A pair-day's probability of an exchange is ``WORST * u ** k`` with u uniform and k such that its mean is the plan's
    share; the claim's confidence is one minus it. Only pairs of which both are there, in one pen, can be exchanged.

    Args:
        plan: the herd's.
        device: which.
        animals: its population.
        exits: ``[n]`` first day on which each is gone.
    """
    rng = stream(plan.seed, plan.farm_id, device, "identity")
    p, t = animals.occupant.shape
    share, pairs = plan.identity.switches, p // 2
    switched = np.zeros((p, t), bool)
    confidence = np.full((p, t), SURE, np.float32)
    if share == 0 or plan.animals_per_pen < 2:
        return Confusion(switched, confidence)
    chance = rng.random((pairs, t), dtype=np.float32) ** np.float32(WORST / share - 1) * np.float32(WORST)
    hit = rng.random((pairs, t), dtype=np.float32) < chance
    there = (animals.occupant != NOBODY) & (np.arange(t, dtype=np.int32) < exits.take(animals.occupant))
    one, other = there[0 : 2 * pairs : 2], there[1 : 2 * pairs : 2]
    together = one & other & (animals.pen_of[0 : 2 * pairs : 2] == animals.pen_of[1 : 2 * pairs : 2])
    hit &= together
    sure = np.where(together, np.minimum(1 - chance, SURE), SURE)
    for side in (0, 1):
        switched[side : 2 * pairs : 2] = hit
        confidence[side : 2 * pairs : 2] = sure
    return Confusion(switched, confidence)


def exchanged(values: np.ndarray, switched: Bools) -> np.ndarray:
    """What the records say of each animal, from what is so: ``[p, t]`` with rows of switched pairs exchanged."""
    place, day = np.nonzero(switched)
    found = values.copy()
    found[place, day] = values[place ^ 1, day]
    return found
