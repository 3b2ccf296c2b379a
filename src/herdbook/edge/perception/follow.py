"""Which animal is which, from frame to frame: by overlap and looks, and where an animal was lost, by place and looks.

Animals in a pen are slow, touch each other for minutes and never leave. So there is no motion model (identities were
kept worse with one: decision 120), a lost animal is waited for, and what turns up near where one was lost is that one
if it looks like it. Two rounds of the Hungarian method (Kuhn 1955) per frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.edge.perception.base import Vector
from herdbook.edge.perception.sighting import Sighting

Floats = NDArray[np.float64]
_Pairs = list[tuple[int, int]]

OVERLAP = 0.1
"""Mean IoU of masks and boxes from which a sighting may continue a track."""
LOOKS = 0.6
"""What a cosine counts beside that overlap."""
ALIKE = 0.3
"""Least cosine of a lost animal that turns up elsewhere."""
REACH = (1.0, 1.0, 4.0)
"""Body lengths within which it may turn up: at once, more for each second, and at most."""
START = 0.4
"""Least score of a sighting that begins a track; less sure ones only continue one."""
_ANY = 1.0
"""What any allowed pair counts: an animal is rather followed than lost."""
_NEW = 0.1
"""What one frame counts in the mean of a track's looks, and of its length."""
_NEW_TOUCHING = 0.03
"""The same while it touches another, whose looks then get into its own."""


@dataclass
class _Track:
    number: int
    seconds: float
    """When it was seen last."""
    middle: Floats
    box: Floats
    mask: NDArray[np.float32]
    """Flat, as it was seen last."""
    length: float
    look: Vector


class Follower:
    """One camera's tracks. Numbers start at 1 and are never given again."""

    def __init__(self, lost_s: float) -> None:
        """A track ends when its animal was not seen for longer than `lost_s`."""
        self._lost_s = lost_s
        self._tracks: list[_Track] = []
        self._count = 0
        self._ended: list[int] = []

    def update(self, sightings: Sequence[Sighting], seconds: float) -> list[int]:
        """The track of each sighting, 0 where it is too unsure to begin one."""
        self._end(seconds)
        numbers = [0] * len(sightings)
        if not sightings:
            return numbers
        masks = np.array([s.mask.ravel() for s in sightings], np.float32)
        cosine = np.array([[t.look @ s.embedding for s in sightings] for t in self._tracks], np.float64)
        if self._tracks:
            overlap = self._overlap(sightings, masks)
            pairs = _assign(overlap + LOOKS * cosine, overlap > OVERLAP)
            tracks, rest = _left(pairs, len(self._tracks), len(sightings))
            if tracks and rest:
                share = self._share_of_reach(tracks, [sightings[k] for k in rest], seconds)
                alike = cosine[np.ix_(tracks, rest)]
                found = _assign(alike - 0.5 * share, (share < 1) & (alike > ALIKE))
                pairs += [(tracks[row], rest[column]) for row, column in found]
            for row, column in pairs:
                self._move(self._tracks[row], sightings[column], masks[column], seconds)
                numbers[column] = self._tracks[row].number
        for k, sighting in enumerate(sightings):
            if not numbers[k] and sighting.score >= START:
                numbers[k] = self._begin(sighting, masks[k], seconds)
        return numbers

    def take_ended(self) -> list[int]:
        """Tracks that ended since this was last asked."""
        ended, self._ended = self._ended, []
        return ended

    def _overlap(self, sightings: Sequence[Sighting], masks: NDArray[np.float32]) -> Floats:
        """[tracks, sightings]: mean of the IoU of masks and that of boxes."""
        before = np.stack([t.mask for t in self._tracks])
        shared = before @ masks.T
        of_masks = shared / np.maximum(before.sum(1)[:, None] + masks.sum(1) - shared, 1)
        one, other = np.stack([t.box for t in self._tracks])[:, None], np.array([s.box for s in sightings])
        corner = np.minimum(one[..., :2] + one[..., 2:], other[..., :2] + other[..., 2:])
        inside = np.clip(corner - np.maximum(one[..., :2], other[..., :2]), 0, None).prod(axis=2)
        of_boxes = inside / (one[..., 2:].prod(axis=2) + other[..., 2:].prod(axis=1) - inside)
        return np.asarray((of_masks + of_boxes) / 2)

    def _share_of_reach(self, tracks: list[int], sightings: Sequence[Sighting], seconds: float) -> Floats:
        """Distance to where each track was lost, as a share of how far it may have come."""
        lost = [self._tracks[row] for row in tracks]
        there = np.array([(s.shape.x, s.shape.y) for s in sightings])
        away = np.linalg.norm(np.stack([t.middle for t in lost])[:, None] - there, axis=2)
        at_once, per_second, most = REACH
        reach = [t.length * min(at_once + per_second * (seconds - t.seconds), most) for t in lost]
        return np.asarray(away / np.array(reach)[:, None])

    def _move(self, track: _Track, sighting: Sighting, mask: NDArray[np.float32], seconds: float) -> None:
        track.seconds, track.mask, track.box = seconds, mask, np.array(sighting.box)
        track.middle = np.array([sighting.shape.x, sighting.shape.y])
        track.length += _NEW * (sighting.shape.length - track.length)
        new = _NEW_TOUCHING if sighting.touches else _NEW
        look = (1 - new) * track.look + new * sighting.embedding
        track.look = np.asarray(look / max(float(np.linalg.norm(look)), 1e-9), np.float32)

    def _begin(self, sighting: Sighting, mask: NDArray[np.float32], seconds: float) -> int:
        self._count += 1
        middle = np.array([sighting.shape.x, sighting.shape.y])
        length = max(sighting.shape.length, 1.0)
        self._tracks.append(
            _Track(self._count, seconds, middle, np.array(sighting.box), mask, length, sighting.embedding)
        )
        return self._count

    def _end(self, seconds: float) -> None:
        self._ended += [t.number for t in self._tracks if seconds - t.seconds > self._lost_s]
        self._tracks = [t for t in self._tracks if seconds - t.seconds <= self._lost_s]


def _assign(gain: Floats, allowed: NDArray[np.bool_]) -> _Pairs:
    """Pairs of rows and columns with the largest summed gain, as many as are allowed."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-np.where(allowed, gain + _ANY, 0.0))
    return [(int(a), int(b)) for a, b in zip(rows, columns, strict=True) if allowed[a, b]]


def _left(pairs: _Pairs, rows: int, columns: int) -> tuple[list[int], list[int]]:
    taken_rows, taken_columns = {a for a, _ in pairs}, {b for _, b in pairs}
    return [a for a in range(rows) if a not in taken_rows], [b for b in range(columns) if b not in taken_columns]
