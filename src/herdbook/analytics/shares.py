"""Rates of what was observed: a day of which too little was seen has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Key = TypeVar("Key")

LEAST_OBSERVED_S = 4 * 3600.0
"""A choice: with fewer observed hours a day's share says more about the hour of the day than about the animal."""


def rate(amount: Floats, observed: Floats, least: float = LEAST_OBSERVED_S) -> Floats:
    """Amount per observed second.

    Args:
        amount: seconds, metres or counts, ``[..., n]``.
        observed: the seconds in which the amount could be seen, ``[..., n]``.
        least: fewer seconds than these, and the day is blank.

    Returns:
        ``[..., n]``; NaN where too little was observed, or nothing is known.
    """
    enough = np.nan_to_num(observed, nan=0.0) >= max(least, np.finfo(float).tiny)
    blank = np.full(np.shape(observed), np.nan)
    return np.asarray(np.divide(amount, observed, out=blank, where=enough))


def budget(seconds: Mapping[Key, Floats], observed: Floats, least: float = LEAST_OBSERVED_S) -> dict[Key, Floats]:
    """Share of observed time of each behaviour, 0..1, with what none of them explains left out.

    Args:
        seconds: by behaviour, ``[n]`` each; a behaviour that the day's ethogram does not have is NaN.
        observed: ``[n]`` seconds in which behaviour is known.
        least: as in `rate`.
    """
    return {name: rate(values, observed, least) for name, values in seconds.items()}


def middle(values: Floats, width: int = 7, least: int = 3) -> Floats:
    """Running median for the eye, centred: it looks ahead, so nothing is decided by it.

    Args:
        values: ``[n]``.
        width: days, odd.
        least: known days from which on there is one.
    """
    half = width // 2
    padded = np.concatenate([np.full(half, np.nan), values, np.full(half, np.nan)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    return median(windows, least)


def median(values: Floats, least: int = 1) -> Floats:
    """Median of the known values along the last axis; NaN where fewer than ``least`` are known."""
    known = np.sum(~np.isnan(values), axis=-1)
    ordered = np.sort(values, axis=-1)  # NaN last; several times faster than nanmedian
    low, high = (
        np.take_along_axis(ordered, np.maximum(at, 0)[..., None], axis=-1)[..., 0]
        for at in ((known - 1) // 2, known // 2)
    )
    return np.where(known >= max(least, 1), (low + high) / 2, np.nan)
