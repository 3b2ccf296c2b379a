"""Embeddings as devices send them: int8 with one scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from herdbook.edge.perception.base import Vector


def quantise(vector: Vector) -> tuple[NDArray[np.int8], float]:
    """Values in -127..127 and the scale that gives the vector back, to half a step."""
    scale = float(np.float32(np.abs(vector).max() / 127))
    if scale == 0:  # no direction, or one too short for a float32
        return np.zeros(len(vector), np.int8), 1.0
    return np.clip(np.rint(vector / scale), -127, 127).astype(np.int8), scale
