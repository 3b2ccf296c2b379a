"""A clip through a learned engine, as training needs it: per track the steps that behaviour is judged from, and boxes.

The very code that runs on a device, so that what is learned is what will be seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Camera
from herdbook.edge.perception.base import MIN_TRACKLET_S, Image, Instance
from herdbook.edge.perception.learned import LearnedEngine
from herdbook.edge.perception.steps import TrackletSteps


@dataclass(frozen=True)
class SeenTrack:
    """One track of a clip: F frames that show it, and T steps."""

    track: int
    frames: NDArray[np.int64]
    """[F], numbers from 1."""
    at: tuple[datetime, ...]
    """[F]."""
    boxes: NDArray[np.float64]
    """[F, 4], x, y, width, height in pixels of the full frame: match them with the truth to label the track."""
    steps: TrackletSteps


def clip_steps(engine: LearnedEngine, camera: Camera, frames: Iterable[tuple[datetime, Image]]) -> list[SeenTrack]:
    """The tracks of a clip, as a device would have made them: those shorter than a second are left out.

    Args:
        engine: fresh; `TrackletSteps.embeddings` are there if it was made to keep them.
        camera: with the zones that held when the clip was taken.
        frames: instants and BGR pictures, in the order of time.
    """
    seen: dict[int, list[tuple[int, datetime, Instance]]] = {}
    engine.open(camera, None, list)
    for number, (at, image) in enumerate(frames, start=1):
        for instance in engine.see(at, image).instances:
            seen.setdefault(instance.track, []).append((number, at, instance))
    found = []
    for track, rows in sorted(seen.items()):
        first, last = rows[0][1], rows[-1][1]
        if (last - first).total_seconds() < MIN_TRACKLET_S:
            continue
        steps = engine.steps(track, first, last)
        assert steps is not None
        boxes = np.array([row[2].box for row in rows], np.float64)
        found.append(SeenTrack(track, np.array([r[0] for r in rows]), tuple(r[1] for r in rows), boxes, steps))
    engine.close()
    return found
