"""Embeddings of the same animal at the same time in two spaces, found by boxes and not by looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herdbook.learning.evaluation.matching import match
from herdbook.learning.evaluation.predictions import Look, Prediction
from herdbook.learning.formats.tracks import Floats, Ints

IOU = 0.5
"""From which on two boxes of one frame are one animal."""
SLOT_S = 5.0
"""How far apart the two embeddings may be: each release takes the best moment of every five seconds."""
PER_HOUR = 3600 / SLOT_S


@dataclass(frozen=True, eq=False)
class Pairs:
    """Of one clip P pairs."""

    tracks: Ints
    """[P], which animal of the clip, by the old release's tracklets."""
    old: Floats
    """[P, D], L2 norm 1."""
    new: Floats
    """[P, E], L2 norm 1."""

    def __len__(self) -> int:
        return len(self.tracks)


def pair(old: Prediction, new: Prediction, fps: float) -> Pairs:
    """Pair embeddings of two predictions of one clip.

    Where the old release took an embedding, boxes of both releases are matched in that very frame; of the tracklet that
    lies there the new release's nearest embedding in time is the partner. Each is used once.

    Args:
        fps: frames per second of the clip.
    """
    before, after = old.tracks(), new.tracks()
    partners: dict[str, list[Look]] = {}
    for look in new.looks():
        partners.setdefault(look.tracklet, []).append(look)
    found: list[tuple[float, Look, Look]] = []
    for look in old.looks():
        frame = round(look.seconds * fps) + 1
        mine, theirs = before.frames == frame, after.frames == frame
        names = [before.names[k] for k in before.ids[mine]]
        if look.tracklet not in names:
            continue
        at = int(match(before.boxes[mine], after.boxes[theirs], IOU)[names.index(look.tracklet)])
        if at < 0:
            continue
        there = partners.get(after.names[after.ids[theirs][at]], [])
        near = min(there, key=lambda other: abs(other.seconds - look.seconds), default=None)
        if near is not None and abs(near.seconds - look.seconds) <= SLOT_S:
            found.append((abs(near.seconds - look.seconds), look, near))
    return _once(found)


def no_pairs() -> Pairs:
    """Of a clip in which the releases share no animal."""
    return Pairs(np.zeros(0, np.int64), np.zeros((0, 0)), np.zeros((0, 0)))


def _once(found: list[tuple[float, Look, Look]]) -> Pairs:
    """The closest in time first, each of the new release's embeddings once; in the old one's order again."""
    taken: set[int] = set()
    kept: list[tuple[Look, Look]] = []
    for _, look, near in sorted(found, key=lambda row: (row[0], row[1].seconds, row[1].tracklet)):
        if id(near) not in taken:
            taken.add(id(near))
            kept.append((look, near))
    if not kept:
        return no_pairs()
    kept.sort(key=lambda row: (row[0].tracklet, row[0].seconds))
    number = {name: k for k, name in enumerate(dict.fromkeys(look.tracklet for look, _ in kept))}
    tracks = np.array([number[look.tracklet] for look, _ in kept], np.int64)
    return Pairs(tracks, _unit([look.vector for look, _ in kept]), _unit([near.vector for _, near in kept]))


def _unit(vectors: list[Floats]) -> Floats:
    stacked = np.stack(vectors).astype(np.float64)
    return np.asarray(stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-12))
