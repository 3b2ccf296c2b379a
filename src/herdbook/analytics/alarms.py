"""Runs of days on which an animal is unlike itself and unlike its pen-mates.

Shares and rates vary the more the greater they are, so they are compared as square roots: on the plain scale seldom
behaviours such as drinking raise several times as many false alarms. How often healthy animals raise one is measured on
simulated herds (``benchmarks/deviation.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herdbook.analytics.baseline import against_mates, baseline
from herdbook.analytics.shares import Floats, Ints

THRESHOLD = 3.0
"""Robust standard deviations."""
LEAST_RUN = 2
"""Known days that lie beyond the threshold, within `SPAN` of each other, on the same side."""
SPAN = 3
FLOOR = 0.01
"""Least spread of the square root: 1.8 percentage points at a share of 80 %, 0.1 at one of 0.3 %."""


@dataclass(frozen=True)
class Deviation:
    """One measure of some animals against what was to be expected; every field ``[animals, n]``."""

    value: Floats
    expected: Floats
    """The own baseline's centre."""
    low: Floats
    high: Floats
    """`THRESHOLD` spreads on both sides of it."""
    relative: Floats
    """Square root of the value less the median of the pen-mates' on the same day."""
    own: Floats
    """Score against the animal's own days before."""
    mates: Floats
    """Score of the difference to the pen-mates, against the same difference on the days before."""
    both: Floats
    """The nearer to zero of the two where they agree in sign, otherwise zero; without enough mates the own score."""


@dataclass(frozen=True)
class Episode:
    """A run of days beyond the threshold, as positions on the time axis."""

    first: int
    last: int
    score: float
    """The greatest, with its sign."""
    difference: float
    """Mean of value less expected over its days, in the measure's unit."""
    value: float
    """Mean of its known days."""
    expected: float


def deviation(values: Floats, pen: Ints, segment: Ints, *, floor: float = FLOOR) -> Deviation:
    """How unlike itself and unlike its pen-mates each animal is on each day.

    Args:
        values: ``[animals, n]``, none negative.
        pen: ``[animals, n]`` codes, negative where unknown.
        segment: ``[animals, n]`` what must not be mixed in a baseline.
        floor: least spread of the square roots.
    """
    roots = np.sqrt(values)
    own = baseline(roots, segment, floor=floor)
    relative = against_mates(roots, pen)
    mates = baseline(relative, segment, floor=floor).score(relative)
    score = own.score(roots)
    agree = np.where(np.sign(score) == np.sign(mates), np.minimum(np.abs(score), np.abs(mates)) * np.sign(score), 0.0)
    both = np.where(np.isnan(score), np.nan, np.where(np.isnan(mates), score, agree))
    low, high = (np.maximum(own.centre + k * THRESHOLD * own.spread, 0) ** 2 for k in (-1, 1))
    return Deviation(values, own.centre**2, low, high, relative, score, mates, both)


def episodes(of: Deviation, animal: int, *, threshold: float = THRESHOLD, run: int = LEAST_RUN) -> list[Episode]:
    """The runs of one animal, in order.

    Args:
        of: a measure's deviation.
        animal: its row.
        threshold: scores of at least so much count.
        run: so many of them, each at most `SPAN` days after the one before, make an episode.
    """
    score = of.both[animal]
    found: list[Episode] = []
    for sign in (1.0, -1.0):
        days = np.flatnonzero(np.nan_to_num(score, nan=0.0) * sign >= threshold)
        for group in np.split(days, np.flatnonzero(np.diff(days) > SPAN) + 1):
            if len(group) >= run:
                found.append(_episode(of, animal, int(group[0]), int(group[-1])))
    return sorted(found, key=lambda e: e.first)


def _episode(of: Deviation, animal: int, first: int, last: int) -> Episode:
    days = slice(first, last + 1)
    value, expected, score = of.value[animal, days], of.expected[animal, days], of.both[animal, days]
    greatest = float(score[np.nanargmax(np.abs(score))])
    known = ~np.isnan(value) & ~np.isnan(expected)
    means = float(np.mean(value[known])), float(np.mean(expected[known]))
    return Episode(first, last, greatest, means[0] - means[1], *means)
