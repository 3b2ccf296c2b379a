"""The lying share of every animal-day, as the first release would measure it over a whole day: what hazards rest on."""

from __future__ import annotations

import numpy as np

from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.herd.population import NOBODY, Floats, Population
from herdbook.simulate.herd.species import lying_share
from herdbook.simulate.streams import stream

LEAST, MOST = np.float32(0.02), np.float32(0.98)
"""Shares are cut to these; with the plan's default figures fewer than one day in a thousand is."""


def deviations(plan: HerdPlan, device: int, animals: Population) -> Floats:
    """Deviation of the lying share from the plan's mean: ``[p, t]``, 0 where there is nobody.

    The sum of the pen's, the animal's and the day's: normal, the last a stationary first-order autoregression that
    begins anew with each animal.
    """
    rng = stream(plan.seed, plan.farm_id, device, "exposure")
    b = plan.behaviour
    pens = (rng.standard_normal(plan.pens_per_device) * b.pen_sd).astype(np.float32)
    found = _autoregression(rng.standard_normal(animals.occupant.shape, dtype=np.float32), b.persistence, animals)
    found *= np.float32(b.day_sd)
    found += animals.effect.take(animals.occupant)
    found += pens.take(animals.pen_of)
    found[animals.occupant == NOBODY] = 0
    low, high = LEAST - np.float32(mean_share(plan)), MOST - np.float32(mean_share(plan))
    return np.clip(found, low, high, out=found)


def _autoregression(noise: Floats, keep: float, animals: Population) -> Floats:
    """Stationary, of variance 1, along the days; ``noise`` is overwritten.

    The filter runs through all of a place's animals; what one inherits from the one before, ``keep ** days`` of a
    difference, is taken off again, which leaves exactly the series that begins with its own first day.
    """
    if keep == 0:
        return noise
    from scipy.signal import lfilter  # a quarter of a second, which commands without a herd do not need

    fresh = np.float32(np.sqrt(1 - keep**2))
    noise[:, 0] /= fresh
    taps = np.array([fresh], np.float32), np.array([1, -keep], np.float32)
    found = np.asarray(lfilter(*taps, noise, axis=1), np.float32)
    new = np.nonzero(animals.entry > 0)[0]
    if not len(new):
        return found
    reach = min(noise.shape[1], int(np.ceil(np.log(1e-7) / np.log(keep))))
    place, entry = animals.place[new], animals.entry[new]
    surplus = found[place, entry] - noise[place, entry]
    day = entry[:, None] + np.arange(reach)
    own = day < np.minimum(animals.planned_exit[new], noise.shape[1])[:, None]
    taken = surplus[:, None] * (np.float32(keep) ** np.arange(reach, dtype=np.float32))
    found[np.broadcast_to(place[:, None], day.shape)[own], day[own]] -= taken[own]
    return found


def mean_share(plan: HerdPlan) -> float:
    """Mean lying share of the herd."""
    return lying_share(plan.species, plan.behaviour.lying_share)


def window_means(dev: Floats, animals: Population, window: int, lag: int) -> Floats:
    """Mean deviation over the ``window`` days that end ``lag`` days before each day: ``[p, t]``.

    Only days of the same animal count: vacancies between two are at least as long as window and lag together. Where an
    animal has been there for less than that, the mean is of the days there are; 0 where there are none.
    """
    p, t = dev.shape
    there = (animals.occupant != NOBODY).astype(np.float32)
    sums, counts = (np.zeros((p, t + 1), np.float32) for _ in range(2))
    np.cumsum(dev, axis=1, dtype=np.float32, out=sums[:, 1:])  # of deviations: small, so float32 suffices
    np.cumsum(there, axis=1, out=counts[:, 1:])
    last = np.clip(np.arange(t) - lag + 1, 0, t)
    first = np.clip(last - window, 0, t)
    total = sums[:, last] - sums[:, first]
    number = counts[:, last] - counts[:, first]
    return np.asarray(total / np.maximum(number, 1))
