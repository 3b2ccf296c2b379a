"""Lying bouts and visits by day: how many per observed time, and how long, with those cut by a gap taken for what they
are.

A bout whose end the camera missed lasted at least so long. Leaving it out, or counting it as whole, makes bouts look
shorter; the product-limit estimate (Kaplan, Meier 1958, J Am Stat Assoc 53:457-481) uses what is known of it. Bouts
whose start was missed are left out, since long ones are more often caught that way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herdbook.analytics.shares import LEAST_OBSERVED_S, Bools, Floats, Ints, rate

LEAST_SPELLS = 3


@dataclass(frozen=True)
class Spells:
    """One kind of spell of one animal, in order of time; every field ``[k]``."""

    day: Ints
    """Position on the time axis of the day of its start; negative or past the end: not on it."""
    seconds: Floats
    """Length from its first to its last observed moment."""
    began_seen: Bools
    ended_seen: Bools


@dataclass(frozen=True)
class SpellDays:
    """Spells by day; every field ``[n]``."""

    count: Floats
    """Spells whose start was seen; NaN where too little was observed."""
    per_hour: Floats
    """The same per observed hour."""
    median_s: Floats
    """Product-limit median; NaN where fewer than `LEAST_SPELLS` start, or more than half outlast what was seen."""
    mean_s: Floats
    """Product-limit mean, up to the longest spell."""
    censored: Floats
    """Share of those spells whose end was not seen."""


def spell_days(spells: Spells, observed: Floats, least: float = LEAST_OBSERVED_S) -> SpellDays:
    """Spells by day of their start.

    Args:
        spells: of one kind.
        observed: ``[n]`` seconds of each day in which they could be seen.
        least: fewer observed seconds, and the day is blank.
    """
    n = len(observed)
    enough = np.nan_to_num(observed, nan=0.0) >= least
    on_axis = (spells.day >= 0) & (spells.day < n)
    starts = on_axis & spells.began_seen
    count = np.bincount(spells.day[starts], minlength=n).astype(float)
    found = np.full((3, n), np.nan)
    for day in np.flatnonzero((count > 0) & enough):
        mine = starts & (spells.day == day)
        seconds, ended = spells.seconds[mine], spells.ended_seen[mine]
        found[2, day] = 1 - ended.mean()
        if len(seconds) >= LEAST_SPELLS:
            found[0, day], found[1, day] = product_limit(seconds, ended)
    blank = np.where(enough, count, np.nan)
    return SpellDays(blank, rate(count, observed, least) * 3600, found[0], found[1], found[2])


def product_limit(seconds: Floats, ended: Bools) -> tuple[float, float]:
    """Median and mean of durations some of which are lower bounds.

    Args:
        seconds: ``[k]`` durations.
        ended: ``[k]`` whether a duration is whole.

    Returns:
        The median, NaN where fewer than half are known to have ended; and the mean up to the longest duration.
    """
    order = np.lexsort((~ended, seconds))
    times, whole = seconds[order], ended[order]
    at_risk = len(times) - np.arange(len(times))
    survival = np.cumprod(np.where(whole, 1 - 1 / at_risk, 1.0))
    below = np.flatnonzero(survival <= 0.5 + 1e-12)
    median = float(times[below[0]]) if len(below) else np.nan
    steps = np.diff(np.concatenate([[0.0], times]))
    mean = float(np.sum(steps * np.concatenate([[1.0], survival[:-1]])))
    return median, mean
