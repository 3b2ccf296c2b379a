"""Intersection over union of boxes."""

from __future__ import annotations

import numpy as np

from herdbook.learning.formats.tracks import Floats

EPSILON = float(np.finfo(np.float64).eps)
"""An overlap that misses a threshold by less than this rounding error reaches it."""


def iou_matrix(a: Floats, b: Floats) -> Floats:
    """Overlap of every box of ``a`` with every box of ``b``.

    Args:
        a: (N, 4) ``x, y, width, height``, sizes above 0.
        b: (M, 4) likewise.

    Returns:
        (N, M), 0..1.
    """
    a_end, b_end = a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:]
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a_end[:, None], b_end[None, :])
    shared = np.maximum(high - low, 0).prod(axis=2)
    # Areas from the corners, like the overlap: identical boxes give exactly 1 however far they lie from the origin.
    a_area, b_area = (a_end - a[:, :2]).prod(axis=1), (b_end - b[:, :2]).prod(axis=1)
    union = a_area[:, None] + b_area[None, :] - shared
    overlap: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap
