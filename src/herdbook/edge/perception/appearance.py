"""A plain descriptor of how an animal looks: coat colours along the body, and its size. Space ``motion-appearance-1``.

Three zones of the body (middle, flanks, ends; folded, because head and tail are not told apart), each with soft
histograms of CIE L*, a* and b* over the mask (3 x 3 x 8 values), and soft histograms of log length, log width and log
area relative to the picture (3 x 8). Square roots make their dot product the Bhattacharyya coefficient; the constant
part that all of them share is taken away, so that a cosine near 0 means "unlike".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from herdbook.edge.perception.base import Image, Mask, Shape, Vector

BINS = 8
ZONES = 3
DIMENSIONS = ZONES * 3 * BINS + 3 * BINS
SIZE_WEIGHT = 0.5
_LAB = ((0.0, 255.0), (96.0, 176.0), (96.0, 176.0))
"""Range of each channel in OpenCV's 8-bit Lab; coats are not saturated."""
_SIZES = ((0.02, 0.6), (0.01, 0.3), (0.0003, 0.1))
"""Length and width as shares of the square root of the picture's area, area as a share of it."""


def describe(crop: Image, mask: Mask, shape: Shape, origin: tuple[float, float], picture_area: float) -> Vector:
    """The descriptor of one animal, L2 norm 1.

    Args:
        crop: its box in the picture, in the floor's light.
        mask: its pixels in the crop.
        shape: its body in the crop's pixel size.
        origin: the crop's corner in the coordinates of `shape`.
        picture_area: pixels of the whole picture, same size of pixel.
    """
    import cv2

    lab = cv2.cvtColor(crop, cv2.COLOR_BGR2Lab)[mask].astype(np.float64)
    rows, columns = np.nonzero(mask)
    dx, dy = columns + origin[0] - shape.x, rows + origin[1] - shape.y
    along = np.abs(dx * np.cos(shape.angle) + dy * np.sin(shape.angle)) / max(shape.length / 2, 1.0)
    zone = np.minimum((along * ZONES).astype(int), ZONES - 1)
    parts = [
        np.sqrt(_soft(lab[zone == z, channel], *_LAB[channel])) for z in range(ZONES) for channel in range(len(_LAB))
    ]
    side = np.sqrt(picture_area)
    sizes = (shape.length / side, max(shape.width, 1.0) / side, shape.area / picture_area)
    parts += [
        SIZE_WEIGHT * np.sqrt(_soft(np.log([size]), np.log(low), np.log(high)))
        for size, (low, high) in zip(sizes, _SIZES, strict=True)
    ]
    centred = np.concatenate([part - part.mean() for part in parts])
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-9), np.float32)


def _soft(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """A histogram of `BINS` bins that sums to 1; a value between two bins' centres counts for both."""
    if not len(values):
        return np.full(BINS, 1.0 / BINS)
    place = np.clip((values - low) / (high - low), 0, 1) * (BINS - 1)
    below = np.minimum(place.astype(int), BINS - 2)
    share = place - below
    counts = np.bincount(below, 1 - share, BINS) + np.bincount(below + 1, share, BINS)
    return np.asarray(counts / counts.sum())
