"""Embeddings in int8 with one scale each, as the platform stores them: value = scale x int8. NumPy only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from herdnet.errors import ShapeError

Floats = NDArray[np.float32]
LEVELS = 127


class Quantised(NamedTuple):
    """Vectors [N, D] as int8, and their scales [N]."""

    values: NDArray[np.int8]
    scales: Floats

    def restore(self) -> Floats:
        """[N, D]; each value is off by half a scale at most."""
        return self.values.astype(np.float32) * self.scales[:, None]


def quantise_embeddings(vectors: Floats) -> Quantised:
    """Vectors [N, D] → int8; a vector of zeros has scale 1.

    Raises:
        ShapeError: not [N, D], or a value is not finite.
    """
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ShapeError(f"embeddings must be finite and [N, D], not {list(vectors.shape)}")
    peak = np.abs(vectors).max(axis=1, initial=0.0)
    scales = np.where(peak > 0, peak / LEVELS, 1.0).astype(np.float32)
    values = np.clip(np.rint(vectors / scales[:, None]), -LEVELS, LEVELS).astype(np.int8)
    return Quantised(values, scales)
