"""Who falls ill when, and who is culled: the two truths, and the event that competes with both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.herd.exposure import window_means
from herdbook.simulate.herd.plan import DAYS_PER_YEAR, HazardTruth, HerdPlan, OnsetTruth
from herdbook.simulate.herd.population import NOBODY, Floats, Ints, Population
from herdbook.simulate.streams import stream

STAYED, LEFT, CULLED, DIED = range(4)
"""How an animal's time ended: it had not when the herd's did; as planned; sold early; on the farm."""


@dataclass(frozen=True)
class Illnesses:
    """``k`` illnesses, by animal and time."""

    animal: Ints
    """``[k]``"""
    onset: Ints
    """``[k]`` day on which it begins; the index day itself under truth (a)."""
    index: Ints
    """``[k]`` day from which it can be seen."""

    def only(self, keep: NDArray[np.bool_]) -> Illnesses:
        """Some of them."""
        return Illnesses(self.animal[keep], self.onset[keep], self.index[keep])


@dataclass(frozen=True)
class Ends:
    """``[n]`` first day on which an animal is not there (beyond the herd's last where it stays), and why."""

    exit: Ints
    cause: NDArray[np.int8]


def daily_probability(plan: HerdPlan, device: int, dev: Floats, animals: Population) -> Floats:
    """Probability that a sound animal falls ill on a day: ``[p, t]``, or ``[1, t]`` where all share it.

    A rate constant within the day: ``1 - exp(-rate / 365.25)``.
    """
    ill = plan.illness
    day = np.arange(plan.days)
    phase = (plan.start_day.timetuple().tm_yday - 1 + day) * (2 * np.pi / DAYS_PER_YEAR)
    log_rate = np.log(max(ill.rate_per_year, 1e-300) / DAYS_PER_YEAR) + ill.trend * day / DAYS_PER_YEAR
    log_rate = (log_rate + ill.season * np.cos(phase)).astype(np.float32)[None, :]
    if ill.pen_sd > 0:
        rng = stream(plan.seed, plan.farm_id, device, "pen rates")
        pens = (rng.standard_normal(plan.pens_per_device) * ill.pen_sd).astype(np.float32)
        log_rate = log_rate + pens.take(animals.pen_of)
    if isinstance(plan.truth, HazardTruth) and plan.truth.log_hazard_ratio != 0:
        means = window_means(dev, animals, plan.truth.window_days, plan.truth.lag_days)
        log_rate = log_rate + means * np.float32(plan.truth.log_hazard_ratio / plan.truth.unit)
    return np.asarray(-np.expm1(-np.exp(log_rate)))


def fall_ill(plan: HerdPlan, device: int, dev: Floats, animals: Population) -> Illnesses:
    """Illnesses as if nobody were culled. While an animal is ill, or about to be, it does not fall ill again."""
    rng = stream(plan.seed, plan.farm_id, device, "illness")
    chance = daily_probability(plan, device, dev, animals)
    hit = rng.random((plan.places, plan.days), dtype=np.float32) < chance
    hit &= animals.occupant != NOBODY
    place, onset = np.nonzero(hit)
    animal = animals.occupant[place, onset]
    latency = np.zeros(len(onset), np.int64)
    if isinstance(plan.truth, OnsetTruth):
        low, high = plan.truth.latency_days
        latency = rng.integers(low, high, len(onset), endpoint=True)
    index = onset + latency
    keep = np.zeros(len(onset), bool)
    last, free = NOBODY, 0
    for k, (who, begins, seen) in enumerate(zip(animal.tolist(), onset.tolist(), index.tolist(), strict=True)):
        if who == last and begins < free:
            continue
        keep[k], last, free = True, who, seen + plan.illness.illness_days
    found = Illnesses(animal, onset.astype(np.int32), index.astype(np.int32))
    return found.only(keep & (index < animals.planned_exit[animal]))


def end_stays(plan: HerdPlan, device: int, animals: Population, ill: Illnesses) -> Ends:
    """When each animal leaves: as planned, or culled at a rate that is higher from its index day to its recovery.

    Time to culling inverts the cumulated rate at an exponential draw; those there on day 0 have survived until then.
    """
    rng = stream(plan.seed, plan.farm_id, device, "culling")
    n = len(animals)
    due = rng.standard_exponential(n)
    dies = rng.random(n) < plan.culling.death_share
    rate = plan.culling.rate_per_year / DAYS_PER_YEAR
    start = np.maximum(animals.entry, 0)
    with np.errstate(divide="ignore", over="ignore"):
        culled = start + np.minimum(np.divide(due, rate) if rate else np.full(n, np.inf), 1e8)
    if rate:
        _cull_the_ill(plan, culled=culled, start=start, due=due, ill=ill, rate=rate)
    gone = np.floor(culled).astype(np.int64) + 1  # it is still seen on the day it is culled
    early = gone < animals.planned_exit
    leaves = np.where(early, gone, animals.planned_exit)
    cause = np.where(early, np.where(dies, DIED, CULLED), LEFT)
    cause = np.where(leaves >= plan.days, STAYED, cause)
    return Ends(leaves.astype(np.int32), cause.astype(np.int8))


def _cull_the_ill(
    plan: HerdPlan,
    *,
    culled: NDArray[np.float64],
    start: Ints,
    due: NDArray[np.float64],
    ill: Illnesses,
    rate: float,
) -> None:
    """Replace the time of culling of animals that were ill before it, in place."""
    ratio, days = plan.culling.ratio_when_ill, plan.illness.illness_days
    clock: dict[int, tuple[float, float]] = {}  # animal: day reached, cumulated rate by then
    settled: set[int] = set()
    for who, index in zip(ill.animal.tolist(), ill.index.tolist(), strict=True):
        if who in settled:
            continue
        day, spent = clock.get(who, (float(start[who]), 0.0))
        spent += (index - day) * rate
        if spent >= due[who]:  # culled before it fell ill, as drawn or after an earlier illness
            settled.add(who)
            continue
        left = due[who] - spent
        if left < days * rate * ratio:
            culled[who] = index + left / (rate * ratio)
            settled.add(who)
            continue
        clock[who] = (float(index + days), spent + days * rate * ratio)
        culled[who] = index + days + (left - days * rate * ratio) / rate


def shift_behaviour(plan: HerdPlan, dev: Floats, animals: Population, ill: Illnesses) -> None:
    """Under truth (b): add the shift from onset until recovery, in place. Nothing under truth (a)."""
    truth = plan.truth
    if not isinstance(truth, OnsetTruth) or truth.shift == 0:
        return
    for who, onset, index in zip(ill.animal.tolist(), ill.onset.tolist(), ill.index.tolist(), strict=True):
        until = min(index + plan.illness.illness_days, plan.days, int(animals.planned_exit[who]))
        grown = np.minimum((np.arange(until - onset) + 1) / (truth.ramp_days + 1), 1.0)
        dev[animals.place[who], onset:until] += (truth.shift * grown).astype(np.float32)
