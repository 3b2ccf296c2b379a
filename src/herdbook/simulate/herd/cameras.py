"""When cameras were off: one camera over each pen, failing for whole days or for hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts import farmtime
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.streams import stream

Seconds = NDArray[np.int32]


@dataclass(frozen=True)
class Cameras:
    """One device's cameras, ``q`` of them, over ``t`` days. At most one failure a day, in seconds since midnight."""

    day_s: Seconds
    """``[t]`` length of the day: 23, 24 or 25 hours where the clocks change."""
    off_from: Seconds
    """``[q, t]`` when it went off; the day's end where it did not."""
    off_until: Seconds
    """``[q, t]`` when it came back; equal to ``off_from`` where it did not go off."""

    @property
    def on_s(self) -> Seconds:
        """``[q, t]`` seconds on."""
        return np.asarray(self.day_s[None, :] - (self.off_until - self.off_from), np.int32)


def day_starts(first: date, days: int, timezone: str) -> NDArray[np.int64]:
    """``[days + 1]`` local midnights, and the last day's end, in seconds of UTC since 1970."""
    all_days = (first + timedelta(days=k) for k in range(days + 1))
    return np.array([int(farmtime.day_extent(day, timezone).start.timestamp()) for day in all_days], np.int64)


def fail(plan: HerdPlan, device: int, starts: NDArray[np.int64]) -> Cameras:
    """Failures of one device's cameras.

    Args:
        plan: the herd's.
        device: which.
        starts: as of `day_starts`.
    """
    rng = stream(plan.seed, plan.farm_id, device, "cameras")
    q, t = plan.pens_per_device, plan.days
    c = plan.coverage
    day_s = np.diff(starts).astype(np.int32)
    begins = rng.random((q, t)) < c.days_off / c.days_off_length / max(1 - c.days_off, 1e-9)
    lasts = rng.geometric(1 / c.days_off_length, (q, t))
    until = np.maximum.accumulate(np.where(begins, np.arange(t) + lasts, 0), axis=1)
    whole = np.arange(t) < until
    hours = rng.random((q, t)) < c.hours_off
    at = (rng.random((q, t)) * day_s).astype(np.int32)
    length = np.maximum(rng.exponential(c.hours_off_length * 3600, (q, t)), 60).astype(np.int32)
    off_from = np.where(hours, at, day_s)
    off_until = np.minimum(off_from + np.where(hours, length, 0), day_s)
    return Cameras(
        day_s,
        np.where(whole, 0, off_from).astype(np.int32),
        np.where(whole, day_s, off_until).astype(np.int32),
    )
