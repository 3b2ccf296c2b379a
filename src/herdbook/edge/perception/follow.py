"""Which animal is which, from frame to frame: by overlap and looks, and where an animal was lost, by place and looks.

Animals in a pen are slow, touch each other for minutes and never leave. So there is no motion model (identities were
kept worse with one: decision 120), a lost animal is waited for, and what turns up near where one was lost is that one
if it looks like it. Rounds of the Hungarian method (Kuhn 1955) from the surest to the least sure, as in ByteTrack
(Zhang et al. 2022): sure sightings of known animals, unsure ones of those just seen, new animals, lost ones elsewhere.
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
SURE = 0.4
"""Score from which a sighting begins a track, or ends an animal's absence where it was lost."""
JUST_NOW_S = 0.25
"""Less sure sightings continue only what was seen so lately, or in the frame before; a track that nothing confirms in
that time is dropped."""
CONFIRM = 2
"""Sightings that make a track, which is told from then on. Where there is none, all that a
frame shows are taken at once."""
SURE_ELSEWHERE = 0.5
"""Score from which a lost animal may turn up elsewhere: half-seen animals and false ones look like many."""
ALIKE = 0.3
"""And the least cosine for that."""
REACH = (1.0, 1.0, 4.0)
"""Body lengths within which it may turn up: at once, more for each second, and at most."""
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
    hits: int


@dataclass(frozen=True)
class _Frame:
    sightings: Sequence[Sighting]
    masks: NDArray[np.float32]
    """[sightings, cells]."""
    seconds: float


class Follower:
    """One camera's tracks. Numbers start at 1 and are never given again."""

    def __init__(self, lost_s: float) -> None:
        """A track ends when its animal was not seen for longer than `lost_s`."""
        self._lost_s = lost_s
        self._tracks: list[_Track] = []
        self._count = 0
        self._ended: list[int] = []
        self._before = -np.inf
        """The frame before this one."""
        self._lately = 0.0
        """How long ago "just now" is."""

    def update(self, sightings: Sequence[Sighting], seconds: float) -> list[int]:
        """The track of each sighting, 0 where it belongs to none (yet)."""
        self._lately = max(JUST_NOW_S, min(seconds - self._before, self._lost_s))
        self._before = seconds
        self._end(seconds)
        if not sightings:
            return []
        frame = _Frame(sightings, np.array([s.mask.ravel() for s in sightings], np.float32), seconds)
        pairs = self._pair(frame)
        alone = not self._tracks
        for row, column in pairs:
            self._move(self._tracks[row], frame, column)
        numbers = [0] * len(sightings)
        for row, column in pairs:
            if self._tracks[row].hits >= CONFIRM:
                numbers[column] = self._tracks[row].number
        for k in sorted(set(range(len(sightings))) - {column for _, column in pairs}):
            if sightings[k].score >= SURE:
                track = self._begin(frame, k, CONFIRM if alone else 1)
                numbers[k] = track.number if track.hits >= CONFIRM else 0
        return numbers

    def take_ended(self) -> list[int]:
        """Tracks that ended since this was last asked."""
        ended, self._ended = self._ended, []
        return ended

    def _pair(self, frame: _Frame) -> _Pairs:
        """Rows of tracks and columns of sightings that belong together, round by round."""
        if not self._tracks:
            return []
        overlap = self._overlap(frame)
        cosine = np.array([[t.look @ s.embedding for s in frame.sightings] for t in self._tracks], np.float64)
        score = np.array([s.score for s in frame.sightings])
        away = np.array([frame.seconds - t.seconds for t in self._tracks])[:, None]
        known = np.array([t.hits >= CONFIRM for t in self._tracks])[:, None]
        alike = overlap + LOOKS * cosine
        overlaps = overlap > OVERLAP
        pairs: _Pairs = []
        for gain, allowed in (
            (alike, overlaps & known & (score >= SURE)),
            (alike, overlaps & known & (score < SURE) & (away <= self._lately)),
            (overlap, overlaps & ~known & (score >= SURE)),
        ):
            pairs += _assign(gain, allowed, pairs)
        share = self._share_of_reach(frame)
        back = known & (share < 1) & (cosine > ALIKE) & (score >= SURE_ELSEWHERE)
        return pairs + _assign(cosine - 0.5 * share, back, pairs)

    def _overlap(self, frame: _Frame) -> Floats:
        """[tracks, sightings]: mean of the IoU of masks and that of boxes."""
        before = np.stack([t.mask for t in self._tracks])
        shared = before @ frame.masks.T
        of_masks = shared / np.maximum(before.sum(1)[:, None] + frame.masks.sum(1) - shared, 1)
        one, other = np.stack([t.box for t in self._tracks])[:, None], np.array([s.box for s in frame.sightings])
        corner = np.minimum(one[..., :2] + one[..., 2:], other[..., :2] + other[..., 2:])
        inside = np.clip(corner - np.maximum(one[..., :2], other[..., :2]), 0, None).prod(axis=2)
        of_boxes = inside / (one[..., 2:].prod(axis=2) + other[..., 2:].prod(axis=1) - inside)
        return np.asarray((of_masks + of_boxes) / 2)

    def _share_of_reach(self, frame: _Frame) -> Floats:
        """[tracks, sightings]: distance to where a track was seen last, as a share of how far it may have come."""
        there = np.array([(s.shape.x, s.shape.y) for s in frame.sightings])
        away = np.linalg.norm(np.stack([t.middle for t in self._tracks])[:, None] - there, axis=2)
        at_once, per_second, most = REACH
        reach = [t.length * min(at_once + per_second * (frame.seconds - t.seconds), most) for t in self._tracks]
        return np.asarray(away / np.array(reach)[:, None])

    def _move(self, track: _Track, frame: _Frame, column: int) -> None:
        sighting = frame.sightings[column]
        track.hits += 1
        track.seconds, track.mask, track.box = frame.seconds, frame.masks[column], np.array(sighting.box)
        track.middle = np.array([sighting.shape.x, sighting.shape.y])
        track.length += _NEW * (sighting.shape.length - track.length)
        new = _NEW_TOUCHING if sighting.touches else _NEW
        look = (1 - new) * track.look + new * sighting.embedding
        track.look = np.asarray(look / max(float(np.linalg.norm(look)), 1e-9), np.float32)

    def _begin(self, frame: _Frame, column: int, hits: int) -> _Track:
        self._count += 1
        sighting = frame.sightings[column]
        track = _Track(
            number=self._count,
            seconds=frame.seconds,
            middle=np.array([sighting.shape.x, sighting.shape.y]),
            box=np.array(sighting.box),
            mask=frame.masks[column],
            length=max(sighting.shape.length, 1.0),
            look=sighting.embedding,
            hits=hits,
        )
        self._tracks.append(track)
        return track

    def _end(self, seconds: float) -> None:
        def waits(track: _Track) -> bool:
            return seconds - track.seconds <= (self._lost_s if track.hits >= CONFIRM else self._lately)

        self._ended += [t.number for t in self._tracks if not waits(t)]
        self._tracks = [t for t in self._tracks if waits(t)]


def _assign(gain: Floats, allowed: NDArray[np.bool_], taken: _Pairs) -> _Pairs:
    """Pairs of rows and columns with the largest summed gain, as many as are allowed and not taken yet."""
    from scipy.optimize import linear_sum_assignment

    free = allowed.copy()
    for row, column in taken:
        free[row, :] = free[:, column] = False
    rows, columns = linear_sum_assignment(-np.where(free, gain + _ANY, 0.0))
    return [(int(a), int(b)) for a, b in zip(rows, columns, strict=True) if free[a, b]]
