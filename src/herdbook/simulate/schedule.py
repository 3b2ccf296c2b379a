"""When a camera records: the planned clips of a day, less its outages."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from herdbook.contracts import farmtime
from herdbook.contracts.records import CameraState
from herdbook.simulate.plan import FarmPlan

NOT_SCHEDULED = "no clip planned"
REASONS = ("power cut", "cable loose", "network switch restarted")
MEAN_OUTAGE_S = 900.0


@dataclass(frozen=True)
class Interval:
    """``[start, end)`` in UTC, on whole seconds; ``reason`` says why the camera is off, none while it records."""

    start: datetime
    end: datetime
    reason: str | None = None

    @property
    def state(self) -> CameraState:
        """As coverage records call it."""
        return CameraState.ON if self.reason is None else CameraState.OFF

    @property
    def is_outage(self) -> bool:
        """Whether the camera should record and does not."""
        return self.reason is not None and self.reason != NOT_SCHEDULED

    @property
    def seconds(self) -> int:
        """Length."""
        return int((self.end - self.start).total_seconds())


def draw_outages(plan: FarmPlan, day: date, rng: np.random.Generator) -> list[Interval]:
    """Outages of one camera on a day, each beginning within a clip; apart, in order, inside the day."""
    clips, end_of_day = plan.clip_starts(day), farmtime.day_extent(day, plan.timezone).end
    outages: list[Interval] = []
    for _ in range(int(rng.poisson(plan.outages_per_day)) if clips else 0):
        began = clips[int(rng.integers(len(clips)))] + timedelta(seconds=int(rng.uniform(0.2, 0.8) * plan.clip_seconds))
        ended = began + timedelta(seconds=5 + int(rng.exponential(MEAN_OUTAGE_S)))
        outages.append(Interval(began, min(ended, end_of_day), str(rng.choice(REASONS))))
    apart: list[Interval] = []
    for outage in sorted(outages, key=lambda o: o.start):
        if outage.seconds > 0 and (not apart or outage.start >= apart[-1].end):
            apart.append(outage)
    return apart


def recorded(intervals: list[Interval]) -> list[Interval]:
    """Those in which the camera records: one clip each."""
    return [i for i in intervals if i.reason is None]


def camera_day(plan: FarmPlan, day: date, outages: list[Interval]) -> list[Interval]:
    """The whole day as intervals without gap or overlap: recording, out, or between planned clips."""
    extent = farmtime.day_extent(day, plan.timezone)
    planned = [(s, s + timedelta(seconds=plan.clip_seconds)) for s in plan.clip_starts(day)]
    marks = {extent.start, extent.end, *(t for clip in planned for t in clip)}
    marks |= {t for o in outages for t in (o.start, o.end)}
    edges = sorted(marks)
    day_parts: list[Interval] = []
    for start, end in itertools.pairwise(edges):
        reason = next((o.reason for o in outages if o.start <= start < o.end), None)
        if reason is None and not any(a <= start < b for a, b in planned):
            reason = NOT_SCHEDULED
        last = day_parts[-1] if day_parts else None
        if last is not None and last.reason == reason and reason is not None:
            day_parts[-1] = Interval(last.start, end, reason)
        else:
            day_parts.append(Interval(start, end, reason))
    return day_parts
