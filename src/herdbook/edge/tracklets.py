"""Instances gathered into tracklets: their rows, paths, embeddings and per-frame boxes, while frames go by."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from herdbook.edge.perception.base import MIN_TRACKLET_S, Instance, Track, Vector

STEP_S = 0.5
"""Paths are kept as means over steps of this many seconds: enough for behaviour, and a day fits in memory."""
_COLUMNS = 8  # x, y, both ends, length, area
_HOUR = timedelta(hours=1)


@dataclass
class Moment:
    """A chosen moment of an animal."""

    at: datetime
    clip: str
    quality: float
    vector: Vector


@dataclass
class Tracklet:
    """One animal followed without a break by one camera."""

    number: int
    clip: str
    started_at: datetime
    last_at: datetime
    track: int = 0
    """The engine's number of it."""
    frames: int = 0
    confidence: float = 0.0
    """Sum over frames."""
    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    counts: array[int] = field(default_factory=lambda: array("q"))
    clips: list[tuple[datetime, str]] = field(default_factory=list)
    """From when on it was made from which clip."""
    moments: dict[int, Moment] = field(default_factory=dict)
    """Best moment of each embedding slot."""
    observed: dict[datetime, timedelta] = field(default_factory=dict)
    """By UTC hour, how long of it the animal was detected: never longer than the hour."""
    boxes: list[dict[str, Any]] = field(default_factory=list)
    """Rows not yet taken."""
    _seen_until: datetime | None = None
    end: tuple[float, float] = (0.0, 0.0)
    """Which end of the body came first in the last frame."""

    def add(self, at: datetime, clip: str, frame: int, seen: Instance, period: float) -> None:
        """One more frame that shows it."""
        self._observe(at, timedelta(seconds=period))
        self.frames += 1
        self.confidence += seen.confidence
        self.last_at = at
        if not self.clips or self.clips[-1][1] != clip:
            self.clips.append((at, clip))
        step = int((at - self.started_at).total_seconds() / STEP_S)
        shape = seen.shape
        one, other = shape.ends
        if math.dist(one, self.end) > math.dist(other, self.end):
            one, other = other, one  # the axis has no direction of its own: keep the one it had
        self.end = one
        (x1, y1), (x2, y2) = one, other
        row = (shape.x, shape.y, x1, y1, x2, y2, shape.length, shape.area)
        if self.steps and self.steps[-1] == step:
            base = len(self.values) - _COLUMNS
            for i, value in enumerate(row):
                self.values[base + i] += value
            self.counts[-1] += 1
        else:
            self.steps.append(step)
            self.values.extend(row)
            self.counts.append(1)
        self.boxes.append(
            {
                "clip": clip,
                "frame": frame,
                "at": at,
                "number": self.number,
                "x": seen.box.x,
                "y": seen.box.y,
                "width": seen.box.width,
                "height": seen.box.height,
                "confidence": seen.confidence,
            }
        )

    def _observe(self, at: datetime, period: timedelta) -> None:
        """A frame is seen for its period, and fills the gap to the one before up to another period."""
        until = at + period
        since = at if self._seen_until is None else max(self._seen_until, at - period)
        while since < until:
            hour = hour_of(since)
            end = min(until, hour + _HOUR)
            self.observed[hour] = self.observed.get(hour, timedelta()) + (end - since)
            since = end
        self._seen_until = since

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        return (self.last_at - self.started_at).total_seconds()

    def clip_at(self, moment: datetime) -> str:
        """The clip it was made from at an instant: the last that began by then."""
        name = self.clip
        for since, clip in self.clips:
            if since > moment:
                break
            name = clip
        return name

    def path(self) -> tuple[Track, np.ndarray[Any, np.dtype[np.float64]]]:
        """The path, and per step the mean body area in pixels."""
        sums = np.frombuffer(self.values, np.float64).reshape(-1, _COLUMNS)
        mean = sums / np.frombuffer(self.counts, np.int64)[:, None]
        track = Track(
            step_s=STEP_S,
            seconds=np.asarray(np.frombuffer(self.steps, np.int64) * STEP_S, np.float64),
            centre=mean[:, 0:2],
            ends=mean[:, 2:6].reshape(-1, 2, 2),
            length=mean[:, 6],
            started_at=self.started_at,
            track=self.track,
        )
        return track, mean[:, 7]


def hour_of(moment: datetime) -> datetime:
    """The UTC hour that an instant falls in, by its start."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


class Gathering:
    """The tracklets of one camera's day. Numbers start at 1 in the order of first sight."""

    def __init__(self, gap_s: float) -> None:
        self._gap = timedelta(seconds=gap_s)
        self._open: dict[int, Tracklet] = {}
        self._count = 0
        self._ended: list[Tracklet] = []

    def wait_for(self, gap_s: float) -> None:
        """How long an unseen animal is waited for from now on."""
        self._gap = timedelta(seconds=gap_s)

    def add(self, at: datetime, clip: str, frame: int, seen: Instance, period: float) -> Tracklet:
        """The tracklet that an instance belongs to, with it.

        Args:
            at: the frame's instant.
            clip: the clip's name.
            frame: its number in the clip, from 1.
            seen: the instance.
            period: seconds from frame to frame.
        """
        tracklet = self._open.get(seen.track)
        if tracklet is not None and at - tracklet.last_at > self._gap:
            self._ended.append(self._open.pop(seen.track))
            tracklet = None
        if tracklet is None:
            self._count += 1
            tracklet = Tracklet(self._count, clip, at, at, seen.track)
            self._open[seen.track] = tracklet
        tracklet.add(at, clip, frame, seen, period)
        return tracklet

    def ended(self, now: datetime | None = None) -> Iterator[Tracklet]:
        """Tracklets that can grow no more, once each: all of them when no instant is given."""
        for track, tracklet in list(self._open.items()):
            if now is None or now - tracklet.last_at > self._gap:
                self._ended.append(self._open.pop(track))
        ended, self._ended = self._ended, []
        yield from (t for t in sorted(ended, key=lambda t: t.number) if t.seconds >= MIN_TRACKLET_S)

    @property
    def open_since(self) -> datetime | None:
        """When the oldest tracklet began that may still grow."""
        return min((tracklet.started_at for tracklet in self._open.values()), default=None)

    def take_boxes(self) -> list[dict[str, Any]]:
        """Box rows of open tracklets that are long enough to stay."""
        rows: list[dict[str, Any]] = []
        for tracklet in self._open.values():
            if tracklet.seconds >= MIN_TRACKLET_S:
                rows += tracklet.boxes
                tracklet.boxes = []
        return rows
