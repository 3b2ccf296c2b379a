"""Which animal is which, from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.edge.perception.base import Mask, Vector
from herdbook.edge.perception.sighting import Sighting

Floats = NDArray[np.float64]


@dataclass
class _Track:
    number: int
    seconds: float
    middle: Floats
    velocity: Floats
    length: float
    mask: Mask
    look: Vector


class Follower:
    """One camera's tracks. Numbers start at 1 and are never given again."""

    def __init__(self, frame: tuple[int, int], lost_s: float) -> None:
        self._frame, self._lost_s = frame, lost_s
        self._tracks: list[_Track] = []
        self._count = 0
        self._ended: list[int] = []

    def update(self, sightings: Sequence[Sighting], seconds: float) -> list[int]:
        """The track of each sighting, 0 where it belongs to none (yet)."""
        from scipy.optimize import linear_sum_assignment

        self._end(seconds)
        numbers = [0] * len(sightings)
        if self._tracks and sightings:
            gain = np.array([[self._likeness(t, s, seconds) for s in sightings] for t in self._tracks])
            for row, column in zip(*linear_sum_assignment(-gain), strict=True):
                if gain[row, column] > 0:
                    self._move(self._tracks[row], sightings[column], seconds)
                    numbers[column] = self._tracks[row].number
        for k, sighting in enumerate(sightings):
            if not numbers[k]:
                numbers[k] = self._begin(sighting, seconds)
        return numbers

    def take_ended(self) -> list[int]:
        """Tracks that ended since this was last asked."""
        ended, self._ended = self._ended, []
        return ended

    def _likeness(self, track: _Track, sighting: Sighting, seconds: float) -> float:
        elapsed = seconds - track.seconds
        expected = track.middle + track.velocity * min(elapsed, 0.5)
        away = float(np.hypot(*(expected - (sighting.shape.x, sighting.shape.y)))) / track.length
        reach = 0.7 + 0.7 * elapsed
        return 1 - away / reach + 0.5 * float(track.look @ sighting.embedding)

    def _move(self, track: _Track, sighting: Sighting, seconds: float) -> None:
        middle = np.array([sighting.shape.x, sighting.shape.y])
        elapsed = max(seconds - track.seconds, 1e-3)
        track.velocity = 0.5 * track.velocity + 0.5 * (middle - track.middle) / elapsed
        track.middle, track.seconds, track.mask = middle, seconds, sighting.mask
        track.length += 0.1 * (sighting.shape.length - track.length)
        look = 0.9 * track.look + 0.1 * sighting.embedding
        track.look = np.asarray(look / max(float(np.linalg.norm(look)), 1e-9), np.float32)

    def _begin(self, sighting: Sighting, seconds: float) -> int:
        self._count += 1
        middle = np.array([sighting.shape.x, sighting.shape.y])
        length = max(sighting.shape.length, 1.0)
        self._tracks.append(
            _Track(self._count, seconds, middle, np.zeros(2), length, sighting.mask, sighting.embedding)
        )
        return self._count

    def _end(self, seconds: float) -> None:
        self._ended += [t.number for t in self._tracks if seconds - t.seconds > self._lost_s]
        self._tracks = [t for t in self._tracks if seconds - t.seconds <= self._lost_s]
