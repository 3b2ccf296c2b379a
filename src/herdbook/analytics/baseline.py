"""What is normal for an animal on a day, from the days before: never from the day itself, never across a break.

The centre is a rolling median and the spread a rolling median absolute deviation (Leys et al. 2013, J Exp Soc Psychol
49:764-766), so a few ill days do not become the norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from herdbook.analytics.shares import Bools, Floats, Ints, median

WINDOW_DAYS = 28
LEAST_DAYS = 10
MAD_TO_SD = 1.4826
"""Of a normal distribution."""
LEAST_MATES = 3


@dataclass(frozen=True)
class Baseline:
    """What would have been expected of each day."""

    centre: Floats
    """``[..., n]``; NaN where fewer than the least days are known."""
    spread: Floats
    """``[..., n]`` robust standard deviation, at least the floor."""
    days: Ints
    """``[..., n]`` known days that it rests on."""

    def score(self, values: Floats) -> Floats:
        """How many spreads values lie above (or, negative, below) the centre."""
        return np.asarray((values - self.centre) / self.spread)


def baseline(
    values: Floats,
    segment: Ints | None = None,
    *,
    window: int = WINDOW_DAYS,
    least: int = LEAST_DAYS,
    floor: float = 0.0,
) -> Baseline:
    """The rolling baseline of each day.

    Args:
        values: ``[..., n]``.
        segment: ``[..., n]`` what must not be mixed (release, pen); days of another segment do not count. A negative
            segment is a day without one.
        window: so many days before each day.
        least: of which so many must be known.
        floor: the least spread, in the values' unit: no alarm about what no one would see.
    """
    before = _before(values, window)
    if segment is not None:
        before = np.where(_before(segment, window, -1) == np.asarray(segment)[..., None], before, np.nan)
    centre = median(before, least)
    spread = MAD_TO_SD * median(np.abs(before - centre[..., None]), least)
    days = np.sum(~np.isnan(before), axis=-1)
    return Baseline(centre, np.where(np.isnan(spread), np.nan, np.maximum(spread, max(floor, 1e-12))), days)


def against_mates(values: Floats, pen: Ints, least: int = LEAST_MATES) -> Floats:
    """Each value less the median of the pen-mates' on the same day, without the animal itself.

    What befalls the whole pen (weather, a late feeding, a new model) is gone from the difference.

    Args:
        values: ``[animals, n]``.
        pen: ``[animals, n]`` where each was; negative where unknown.
        least: mates with a known value from which on there is a difference.
    """
    found = np.full(values.shape, np.nan)
    for own in range(len(values)):
        mates = (pen == pen[own]) & (pen[own] >= 0)
        mates[own] = False
        found[own] = values[own] - median(np.where(mates, values, np.nan).T, least)
    return found


def segments(*breaks: Ints | Bools) -> Ints:
    """Number runs of days in which nothing changes: ``[..., n]`` from 0.

    Args:
        breaks: ``[..., n]`` codes, for example of release and pen; a new run begins where any of them differs from the
            day before.
    """
    changed = np.zeros(np.broadcast_shapes(*(np.shape(b) for b in breaks)), bool)
    for codes in breaks:
        changed[..., 1:] |= np.diff(np.asarray(codes).astype(np.int64), axis=-1) != 0
    return np.cumsum(changed, axis=-1)


def _before(values: Floats | Ints, window: int, fill: float = np.nan) -> Floats:
    """``[..., n, window]``: the days before each day."""
    plain: Floats = np.asarray(values, np.float64)
    padded = np.concatenate([np.full((*plain.shape[:-1], window), fill), plain], axis=-1)
    return sliding_window_view(padded, window, axis=-1)[..., : plain.shape[-1], :]
