"""The day's rhythm: when animals are up, and what a camera that was off for part of a day therefore misses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.ethology import activity

Floats = NDArray[np.float64]

STEPS = 24 * 12
"""Five minutes each."""


def _profile() -> Floats:
    """Lying against the day's mean at each step, scaled to half a distance of 1 between least and most."""
    awake = np.array([activity((k + 0.5) * 24 / STEPS) for k in range(STEPS)])
    up = awake - awake.mean()
    return np.asarray(-2 * up / (up.max() - up.min()))


PROFILE = _profile()
_SUM = np.concatenate([[0.0], np.cumsum(PROFILE)]) * (24 / STEPS)
"""Integral of the profile from midnight, in hours."""


def missed(start_h: Floats, length_h: Floats) -> Floats:
    """What the mean of the profile over a day's other hours is, where some hours were off.

    Args:
        start_h: hours after midnight at which the camera went off, 0..24, any shape.
        length_h: for how long; the part after midnight does not count.

    Returns:
        Same shape, in units of the profile; 0 where nothing was off or everything was.
    """
    end = np.minimum(start_h + length_h, 24.0)
    grid = np.linspace(0, 24, STEPS + 1)
    off = np.interp(end, grid, _SUM) - np.interp(start_h, grid, _SUM)
    left = 24.0 - (end - start_h)
    return np.asarray(np.where(left > 0.01, -off / np.maximum(left, 0.01), 0.0))


def rising_distribution(rhythm: float, mean: float) -> Floats:
    """Distribution of the moments at which animals get up: ``[STEPS + 1]``, 0 at midnight, 1 at the day's end.

    Args:
        rhythm: amplitude of the lying share, as in the plan.
        mean: mean lying share.
    """
    up = np.maximum(1 - mean - rhythm * PROFILE, 0.02)
    return np.concatenate([[0.0], np.cumsum(up / up.sum())])
