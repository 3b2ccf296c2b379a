"""What the farm notices of illnesses, when, and who says so; cheap enough for the day level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herdbook.simulate.herd.hazard import Ends, Illnesses
from herdbook.simulate.herd.plan import DAYS_PER_YEAR, HerdPlan
from herdbook.simulate.herd.population import Bools, Ints, Population
from herdbook.simulate.streams import stream


@dataclass(frozen=True)
class Diagnoses:
    """``m`` diagnoses, ordered by animal and day. Days count from the herd's first."""

    animal: Ints
    """``[m]``"""
    day: Ints
    """``[m]`` when it was seen: the first positive."""
    sound_on: Ints
    """``[m]`` last scoring round before, at which it was there and passed as sound; `NEVER` where there was none."""
    recorded: Ints
    """``[m]`` when it was written down."""
    received: Ints
    """``[m]`` when it reached the platform."""
    observer: Ints
    """``[m]`` 0-based."""
    true: Bools
    """``[m]`` whether the animal was ill."""


NEVER = -(10**6)


def notice(plan: HerdPlan, device: int, animals: Population, ill: Illnesses, ends: Ends) -> Diagnoses:
    """Diagnoses of illnesses, each seen with the plan's sensitivity while the animal is still there, and false ones.

    Args:
        plan: the herd's.
        device: which.
        animals: its population.
        ill: illnesses that became visible while the animal was there.
        ends: when each animal left.
    """
    rng = stream(plan.seed, plan.farm_id, device, "diagnoses")
    labels = plan.labels
    k = len(ill.animal)
    seen = rng.random(k) < labels.sensitivity
    day = ill.index + _days(rng, labels.notice_days, k)
    seen &= (day < ends.exit[ill.animal]) & (day < plan.days)
    start, stop = np.maximum(animals.entry, 0), np.minimum(ends.exit, plan.days)
    stay = np.maximum(stop - start, 0)
    false = rng.poisson(labels.false_per_year * stay / DAYS_PER_YEAR)
    wrong = np.repeat(np.arange(len(animals), dtype=np.int32), false)
    wrong_day = start[wrong] + (rng.random(len(wrong)) * stay[wrong]).astype(np.int32)
    animal = np.concatenate([ill.animal[seen], wrong])
    day = np.concatenate([day[seen], wrong_day])
    true = np.arange(len(animal)) < seen.sum()
    m = len(animal)
    recorded = day + _days(rng, labels.record_days, m)
    received = recorded + _days(rng, labels.receive_days, m)
    observer = rng.integers(0, labels.observers, m)
    order = np.lexsort((day, animal))
    return Diagnoses(
        animal=animal[order].astype(np.int32),
        day=day[order].astype(np.int32),
        sound_on=_round_before(plan, day, animals.entry[animal])[order],
        recorded=recorded[order].astype(np.int32),
        received=received[order].astype(np.int32),
        observer=observer[order].astype(np.int32),
        true=true[order],
    )


def rounds(plan: HerdPlan) -> Ints:
    """Days on which the whole herd is scored."""
    every = plan.labels.scoring_days
    return np.arange(0, plan.days, every, dtype=np.int32) if every else np.zeros(0, np.int32)


def _round_before(plan: HerdPlan, day: Ints, entry: Ints) -> Ints:
    every = plan.labels.scoring_days
    if not every:
        return np.full(len(day), NEVER, np.int32)
    before = (day - 1) // every * every
    return np.where((before >= 0) & (before >= entry), before, NEVER).astype(np.int32)


def _days(rng: np.random.Generator, mean: float, n: int) -> Ints:
    return np.floor(rng.exponential(mean, n)).astype(np.int32) if mean else np.zeros(n, np.int32)
