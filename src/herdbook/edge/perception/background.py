"""The empty pen: from a picture of it, or from frames in which animals come and go."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from herdbook.edge.perception.base import Image
from herdbook.errors import VideoSourceError

MAX_SAMPLES = 60
_CHANGED = 20  # grey levels between a pixel's dark and light appearance that mean an animal was there
_RING = 5  # pixels


def estimate(samples: Iterable[Image]) -> Image:
    """The floor without animals, from frames spread over time.

    Every pixel has a dark and a light appearance (the third lowest and highest of the samples). Where they differ an
    animal was there for a while, and for each such patch the appearance that continues its surroundings is the floor's.
    So an animal that holds still for most of the time does not become floor, as it would in a median; one that never
    moves at all does. Spatial continuity as the criterion: Colombari & Fusiello (2010), IEEE Trans. Image Process. 19.

    Raises:
        VideoSourceError: there is no frame.
    """
    import cv2

    frames = np.stack(list(samples)[:MAX_SAMPLES] or [np.zeros((0, 0, 3), np.uint8)])
    if frames.size == 0:
        raise VideoSourceError("no frame of the camera's footage can be decoded")
    order = np.argsort(_grey(frames), axis=0, kind="stable")
    rank = min(2, (len(frames) - 1) // 2)
    dark = np.take_along_axis(frames, order[rank][None, ..., None], axis=0)[0]
    light = np.take_along_axis(frames, order[-1 - rank][None, ..., None], axis=0)[0]
    middle = np.median(frames, axis=0).astype(np.uint8)
    changed = (cv2.absdiff(dark, light).max(axis=2) > _CHANGED).astype(np.uint8)
    changed = np.asarray(cv2.morphologyEx(changed, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(changed)
    floor: Image = middle
    for label in range(1, count):
        x, y, width, height = boxes[label, :4]
        window = np.s_[max(0, y - _RING) : y + height + _RING, max(0, x - _RING) : x + width + _RING]
        patch = (labels[window] == label).astype(np.uint8)
        step = {
            name: _step_at_edge(picture[window], patch, changed[window])
            for name, picture in (("d", dark), ("l", light))
        }
        chosen = dark if step["d"] <= step["l"] else light
        floor[window][patch > 0] = chosen[window][patch > 0]
    return floor


def _grey(frames: Image) -> Image:
    return np.asarray(frames.mean(axis=3), np.uint8)


def _step_at_edge(picture: Image, patch: Image, changed: Image) -> float:
    """Mean difference between the two sides of a patch's edge, grey levels."""
    import cv2

    kernel = np.ones((2 * _RING - 1, 2 * _RING - 1), np.uint8)
    outside = (cv2.dilate(patch, kernel) > 0) & (changed == 0)
    if not outside.any():
        return 0.0
    around = np.where(outside[..., None], picture, 0).astype(np.float32)
    weight = cv2.blur(outside.astype(np.float32), (2 * _RING + 1, 2 * _RING + 1))
    mean = cv2.blur(around, (2 * _RING + 1, 2 * _RING + 1)) / np.maximum(weight, 1e-6)[..., None]
    inside = (patch > 0) & (weight > 1e-3)
    return float(np.abs(mean - picture)[inside].mean()) if inside.any() else 0.0
