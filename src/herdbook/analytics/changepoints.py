"""When a series changed to another level: least-squares segmentation by optimal partitioning.

Jackson et al. 2005, IEEE Signal Process Lett 12:105-108; the minimum that PELT (Killick, Fearnhead, Eckley 2012, J Am
Stat Assoc 107:1590-1598) finds by leaving out what cannot win, which a few years of days do not need. The penalty is
per change and in units of the noise's long-run variance, because days resemble their neighbours: with a penalty for
independent days, every slow week would be a change.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from herdbook.analytics.shares import Floats, Ints

LEAST_DAYS = 7
"""Known days between two changes."""
PENALTY = 3.0
"""Times the long-run variance and the logarithm of the number of days; 2 would be that of the Bayesian information
criterion for one mean and one place."""


@dataclass(frozen=True)
class Shift:
    """A change of level that stays, or a period on another level; positions on the time axis."""

    first: int
    """First known day of the other level."""
    last: int
    """Last known day of it."""
    back: bool
    """Whether the level went back: a period. Otherwise it lasts until the next change, or as long as is known."""
    around: tuple[int, ...]
    """The known days that it is compared to."""
    step: float
    """Mean level less that around it."""
    weight: float
    """The step in standard errors, days being as alike as they are."""


def shifts(values: Floats, segment: Ints, *, least: int = LEAST_DAYS, penalty: float = PENALTY) -> list[Shift]:
    """The changes of level of one series, looked for within segments only.

    At a break between segments (another release, another pen) a change may be the break's own: none is reported.

    Args:
        values: ``[n]``; NaN where unknown.
        segment: ``[n]`` codes.
        least: known days between changes.
        penalty: see `PENALTY`.
    """
    found: list[Shift] = []
    for code in np.unique(segment):
        days = np.flatnonzero((segment == code) & ~np.isnan(values))
        series = values[days]
        variance = noise(series)
        cuts = partition(series, penalty * variance * np.log(max(len(series), 2)), least)
        found += _joined(days, series, [0, *cuts, len(series)], variance)
    return found


def _joined(days: Ints, series: Floats, edges: list[int], variance: float) -> list[Shift]:
    """Pieces between cuts as shifts; up and back again (at least half of the way) is one period."""
    means = [float(series[a:b].mean()) if b > a else np.nan for a, b in pairwise(edges)]
    found: list[Shift] = []
    k = 1
    while k < len(means):
        step = means[k] - means[k - 1]
        back = k + 1 < len(means) and abs(means[k + 1] - means[k - 1]) < 0.5 * abs(step)
        own = np.arange(edges[k], edges[k + 1])
        around = np.arange(edges[k - 1], edges[k])
        if back:
            around = np.concatenate([around, np.arange(edges[k + 1], edges[k + 2])])
            step = means[k] - float(series[around].mean())
        error = np.sqrt(variance * (1 / len(own) + 1 / len(around)))
        at = tuple(int(d) for d in days[around])
        found.append(Shift(int(days[own[0]]), int(days[own[-1]]), back, at, step, abs(step) / max(error, 1e-12)))
        k += 2 if back else 1
    return found


def noise(values: Floats) -> float:
    """Long-run variance of the noise around a level that seldom changes.

    The noise is taken as a first-order autoregression: differences of neighbours and of second neighbours have the
    variances ``2 s (1 - r)`` and ``2 s (1 - r²)``, read robustly; the long-run variance is ``s (1 + r) / (1 - r)``.

    Args:
        values: ``[n]``, all known.
    """
    if len(values) < 4:
        return np.inf
    near, far = (_variance(values[lag:] - values[:-lag]) for lag in (1, 2))
    if near <= 0:
        return max(float(np.var(values)), np.finfo(float).tiny)
    r = float(np.clip(far / near - 1, 0.0, 0.8))
    return near / (2 * (1 - r)) * (1 + r) / (1 - r)


def partition(values: Floats, penalty: float, least: int) -> list[int]:
    """Where to cut a series so that squared errors around the pieces' means plus a penalty per cut are least.

    Args:
        values: ``[n]``, all known.
        penalty: per cut, in squared units of the values.
        least: values in each piece.

    Returns:
        Positions at which new pieces begin, rising.
    """
    n = len(values)
    if n < 2 * least or not np.isfinite(penalty):
        return []
    centred = values - values.mean()
    sums = np.concatenate([[0.0], np.cumsum(centred)])
    squares = np.concatenate([[0.0], np.cumsum(centred**2)])
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    previous = np.zeros(n + 1, np.int64)
    for stop in range(least, n + 1):
        starts = np.arange(stop - least + 1)
        errors = squares[stop] - squares[starts] - (sums[stop] - sums[starts]) ** 2 / (stop - starts)
        totals = best[starts] + errors + penalty
        previous[stop] = np.argmin(totals)
        best[stop] = totals[previous[stop]]
    cuts: list[int] = []
    at = int(previous[n])
    while at > 0:
        cuts.append(at)
        at = int(previous[at])
    return cuts[::-1]


def _variance(differences: Floats) -> float:
    """Of differences around zero, robust against the few that hold a change."""
    return float((1.4826 * np.median(np.abs(differences))) ** 2)
