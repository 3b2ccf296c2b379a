"""What an engine saw of its tracks in equal steps: what behaviour is judged from, on the device and in training.

Frames are gathered into means over steps of `step_s` seconds, counted from a track's first frame, so a day fits in
memory. Head and tail are not told apart: what is said of "the head" is said of the nearer end of the body.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Camera, ZoneKind
from herdbook.edge.perception.base import Mask
from herdbook.edge.perception.places import distance
from herdbook.edge.perception.sighting import Sighting
from herdnet import behaviour_features
from herdnet.behaviour_features import Steps

Floats = NDArray[np.float64]

PLACES = (ZoneKind.FEEDER, ZoneKind.DRINKER, ZoneKind.LYING)
"""Kinds of zones whose distance is kept."""
CHANGE_S = 0.2
"""Outlines are compared over at least this long, so that cameras of all rates say the same of a breath."""
_FIXED = ("x", "y", "cos", "sin", "length", "width", "neighbour", "contact", "change", "changes")
"""``cos`` and ``sin`` of twice the axis' angle, which has no direction; ``changes`` counts comparisons."""


@dataclass(frozen=True)
class TrackletSteps:
    """T equal steps of one tracklet."""

    started_at: datetime
    """Of the first step."""
    steps: Steps
    embeddings: NDArray[np.float32] | None
    """[T, D] means, L2 norm 1, zeros where nothing was seen; none where they were not asked for."""

    @property
    def present(self) -> NDArray[np.bool_]:
        """[T], whether the animal was detected in the step."""
        return self.steps.seen

    @property
    def seconds(self) -> Floats:
        """[T], middle of each step since `started_at`."""
        return np.asarray((np.arange(len(self.steps.seen)) + 0.5) * self.steps.step_s)

    def features(self, places: Sequence[str] = PLACES) -> NDArray[np.float32]:
        """[T, F], columns as `herdnet.behaviour_features.feature_names(postures, places)`."""
        return behaviour_features.features(self.steps, tuple(places))


@dataclass
class _Kept:
    first: datetime
    last: datetime
    index: array[int] = field(default_factory=lambda: array("q"))
    sums: array[float] = field(default_factory=lambda: array("d"))
    counts: array[int] = field(default_factory=lambda: array("q"))
    looks: list[NDArray[np.float32]] = field(default_factory=list)
    outline: tuple[datetime, Mask, tuple[float, float]] | None = None


class StepMemory:
    """Steps of every track of one camera."""

    def __init__(self, camera: Camera, step_s: float, postures: int, *, embeddings: bool) -> None:
        self._camera, self._step_s, self._postures, self._embeddings = camera, step_s, postures, embeddings
        self._columns = len(_FIXED) + postures + len(PLACES)
        self._tracks: dict[int, _Kept] = {}

    def add(self, at: datetime, sightings: Sequence[Sighting], tracks: Sequence[int]) -> None:
        """One frame: its animals, and the track of each (0: none)."""
        if not sightings:
            return
        ends = np.array([s.shape.ends for s in sightings])
        middles = np.array([(s.shape.x, s.shape.y) for s in sightings])
        near, contact = _neighbours(middles), _contacts(sightings, ends, self._camera)
        zones = self._camera.zones_at(at)
        away = [distance(ends.reshape(-1, 2), [z for z in zones if z.kind is kind]) for kind in PLACES]
        nearest = np.stack([d.reshape(-1, 2).min(axis=1) for d in away], axis=1)
        for k, (sighting, track) in enumerate(zip(sightings, tracks, strict=True)):
            if not track:
                continue
            kept = self._tracks.setdefault(track, _Kept(at, at))
            kept.last = at
            changed = _change(kept, at, sighting)
            shape = sighting.shape
            row = (
                *(shape.x, shape.y, np.cos(2 * shape.angle), np.sin(2 * shape.angle), shape.length, shape.width),
                *(near[k], contact[k], changed or 0.0, float(changed is not None)),
                *sighting.postures,
                *nearest[k],
            )
            self._append(kept, at, row, sighting)

    def _append(self, kept: _Kept, at: datetime, row: Sequence[float], sighting: Sighting) -> None:
        step = int((at - kept.first).total_seconds() / self._step_s + 1e-6)
        if kept.index and kept.index[-1] == step:
            base = len(kept.sums) - self._columns
            for i, value in enumerate(row):
                kept.sums[base + i] += value
            kept.counts[-1] += 1
            if self._embeddings:
                kept.looks[-1] = kept.looks[-1] + sighting.embedding
        else:
            kept.index.append(step)
            kept.sums.extend(row)
            kept.counts.append(1)
            if self._embeddings:
                kept.looks.append(sighting.embedding.copy())

    def tracklet(self, track: int, since: datetime, until: datetime) -> TrackletSteps | None:
        """Steps of a track that overlap a span of time; none where it was not seen in it."""
        kept = self._tracks.get(track)
        if kept is None:
            return None
        index = np.array(kept.index, np.int64)
        low = int((since - kept.first).total_seconds() / self._step_s + 1e-6)
        high = int((until - kept.first).total_seconds() / self._step_s + 1e-6)
        here = np.flatnonzero((index >= low) & (index <= high))
        if not len(here):
            return None
        low = int(index[here[0]])
        rows = index[here] - low
        count = int(rows[-1]) + 1
        mean = np.full((count, self._columns), np.nan)
        sums = np.frombuffer(kept.sums, np.float64).reshape(-1, self._columns)[here]
        mean[rows] = sums / np.frombuffer(kept.counts, np.int64)[here][:, None]
        seen = np.zeros(count, bool)
        seen[rows] = True
        looks = None
        if self._embeddings:
            found = np.stack([kept.looks[i] for i in here])
            looks = np.zeros((count, found.shape[1]), np.float32)
            looks[rows] = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
        return TrackletSteps(kept.first + timedelta(seconds=low * self._step_s), self._steps(seen, mean), looks)

    def _steps(self, seen: NDArray[np.bool_], mean: Floats) -> Steps:
        column = dict(zip(_FIXED, mean.T, strict=False))
        postures = mean[:, len(_FIXED) : len(_FIXED) + self._postures]
        with np.errstate(invalid="ignore", divide="ignore"):
            change = np.where(column["changes"] > 0, column["change"] / column["changes"], 0.0)
        return Steps(
            step_s=self._step_s,
            seen=seen,
            middle=np.stack([column["x"], column["y"]], axis=1),
            axis=np.asarray(np.arctan2(column["sin"], column["cos"]) / 2),
            length=column["length"],
            width=column["width"],
            postures=postures,
            neighbour=column["neighbour"],
            head_contact=column["contact"],
            shape_change=np.asarray(change),
            places={kind.value: mean[:, k - len(PLACES)] for k, kind in enumerate(PLACES)},
        )

    def forget(self, track: int, until: datetime) -> None:
        """Drop what was seen of a track up to an instant."""
        kept = self._tracks.get(track)
        if kept is not None and kept.last <= until:
            del self._tracks[track]

    def forget_shorter(self, track: int, seconds: float) -> None:
        """Drop a track that ended before it was worth judging."""
        kept = self._tracks.get(track)
        if kept is not None and kept.last - kept.first < timedelta(seconds=seconds):
            del self._tracks[track]


def _neighbours(middles: Floats) -> Floats:
    """Distance from each middle to the nearest other."""
    apart = np.linalg.norm(middles[:, None] - middles[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return np.asarray(apart.min(axis=1))


def _contacts(sightings: Sequence[Sighting], ends: Floats, camera: Camera) -> Floats:
    """Distance from the nearer end of each body to the nearest cell of another animal."""
    height, width = sightings[0].mask.shape
    cell = np.array([camera.width / width, camera.height / height])
    owner = np.full((height, width), -1)
    for k, sighting in enumerate(sightings):
        owner[sighting.mask] = k
    rows, columns = np.nonzero(owner >= 0)
    whose = owner[rows, columns]
    places = (np.stack([columns, rows], axis=1) + 0.5) * cell
    nearest = np.full(len(sightings), np.inf)
    for k in range(len(sightings)):
        others = places[whose != k]
        if len(others):
            nearest[k] = np.sqrt(((ends[k][:, None] - others[None]) ** 2).sum(axis=2).min())
    return nearest


def _change(kept: _Kept, at: datetime, sighting: Sighting) -> float | None:
    """1 - IoU of the outline with the one before, both moved to their middles; none where it is too soon to say."""
    rows, columns = np.nonzero(sighting.mask)
    middle = (float(rows.mean()), float(columns.mean()))
    before = kept.outline
    if before is not None and (at - before[0]).total_seconds() < CHANGE_S - 0.01:
        return None
    kept.outline = (at, sighting.mask, middle)
    if before is None or (at - before[0]).total_seconds() > 5 * CHANGE_S:
        return None
    one, other = _codes(before[1], before[2]), _codes(sighting.mask, middle)
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return 1 - shared / max(len(one) + len(other) - shared, 1)


def _codes(mask: Mask, middle: tuple[float, float]) -> NDArray[np.int64]:
    """Cells relative to the middle, each as one number."""
    rows, columns = np.nonzero(mask)
    return np.asarray((rows - round(middle[0])) * 65536 + (columns - round(middle[1])))
