"""Intervals by resampling the largest things that there are enough of: farms, or pens, or sequences.

Sequences of one pen show the same animals, and pens of one farm share its floor and light, so they are not independent:
whole farms are drawn, with all that lies in them (Davison & Hinkley 1997, *Bootstrap Methods*, section 3.8: drawing the
level on top with replacement, and keeping what is nested in it, gives the variance of nested data right). Between fewer
than ``min_units`` farms a variance cannot be estimated; then farms are taken as given, and their pens are drawn within
each, or else the sequences. `Resampling.level` says which; the interval speaks of other farms only where it says farm.

Of ``n`` units of a stratum ``n - 1`` are drawn and weigh ``n / (n - 1)`` each, so that the spread of the draws is the
standard error without bias (Rao & Wu 1988, doi:10.1080/01621459.1988.10478591). The interval is the estimate ±
Student's t times that spread: with few units percentiles of the draws are too narrow (Hesterberg 2015,
doi:10.1080/00031305.2015.1089789).
"""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Sequence as Ordered
from dataclasses import dataclass

import numpy as np
from scipy import stats

from herdbook.learning.evaluation.sequences import Sequence
from herdbook.learning.formats.tracks import Floats, Ints

LEVELS = ("farm", "pen", "sequence")
DRAWS = 2000
MIN_UNITS = 5
CONFIDENCE = 0.95
_MOST_UNDEFINED = 0.05
"""Share of draws in which a figure may be undefined before it gets no interval."""


@dataclass(frozen=True, eq=False)
class Resampling:
    """How sequences are drawn, and the draws."""

    level: str
    """What is drawn: one of `LEVELS`."""
    units: int
    """How many of them there are."""
    degrees: int
    """Degrees of freedom: units less strata."""
    weights: Floats
    """(draws, sequences)."""

    def interval(self, estimate: float, drawn: Floats, low: float, high: float) -> tuple[float, float] | None:
        """A `CONFIDENCE` interval, cut to the figure's range.

        Args:
            estimate: the figure over all sequences.
            drawn: (draws,) the figure in each draw; NaN where it is undefined.
            low, high: the figure's range.

        Returns:
            Both ends, or none where it cannot be given.
        """
        defined = drawn[np.isfinite(drawn)]
        if not np.isfinite(estimate) or len(defined) < (1 - _MOST_UNDEFINED) * len(drawn):
            return None
        reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, self.degrees) * defined.std(ddof=1))
        return max(low, estimate - reach), min(high, estimate + reach)


def resample(
    sequences: Ordered[Sequence], *, draws: int = DRAWS, seed: int = 0, min_units: int = MIN_UNITS
) -> Resampling | None:
    """Draws of sequences, the same for the same sequences and seed; none where there is only one.

    Args:
        sequences: in the order of the tallies.
        draws: how many.
        seed: of the draws.
        min_units: farms, or else pens, are drawn where there are at least so many, otherwise sequences are.
    """
    keys: list[list[Hashable]] = [
        [s.farm for s in sequences],
        [(s.farm, s.pen) for s in sequences],
        [s.sequence_id for s in sequences],
    ]
    top = next((k for k in range(2) if len(set(keys[k])) >= min_units), 2)
    units = _codes(keys[top])
    count = int(units.max(initial=-1)) + 1
    if count < 2:
        return None
    strata = _strata(units, keys[:top])
    return Resampling(LEVELS[top], count, count - len(set(strata)), _draw(units, strata, draws, seed))


def _strata(units: Ints, above: list[list[Hashable]]) -> Ints:
    """Of each unit the group that it stays in: the narrowest given one in which every group has two units or more."""
    first = np.unique(units, return_index=True)[1]
    for keys in reversed(above):
        groups = _codes([keys[i] for i in first])
        if np.bincount(groups).min() >= 2:
            return groups
    return np.zeros(len(first), np.int64)


def _draw(units: Ints, strata: Ints, draws: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    weights = np.empty((draws, len(strata)))
    for stratum in np.unique(strata):
        inside = np.flatnonzero(strata == stratum)
        n = len(inside)
        weights[:, inside] = rng.multinomial(n - 1, np.full(n, 1 / n), size=draws) * (n / (n - 1))
    return weights[:, units]


def _codes(keys: Ordered[Hashable]) -> Ints:
    order = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    return np.array([order[key] for key in keys], np.int64)
