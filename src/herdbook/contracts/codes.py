"""How embeddings are kept: whole numbers with a scale, in as few bits as re-identification bears.

A code of b bits holds whole numbers from ``-(2**(b-1) - 1)`` to ``2**(b-1) - 1``; the scale turns them back. The steps
of a code are even, its ends are the vector's own largest value. Measured in ``benchmarks/reid_storage.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BITS = (8, 6, 5, 4, 3, 2)
DEVICE_BITS = 8
"""What devices send."""


def levels(bits: int) -> int:
    """The largest whole number of a code: 127 of 8 bits, 7 of 4.

    Raises:
        ValueError: there is no such code.
    """
    if bits not in BITS:
        raise ValueError(f"there is no code of {bits} bits; there are {BITS}")
    return int(2 ** (bits - 1) - 1)


def encode(vectors: NDArray[Any], bits: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Vectors as whole numbers and scales.

    Args:
        vectors: ``[k, d]``.
        bits: of the code.

    Returns:
        ``[k, d]`` whole numbers and ``[k]`` scales; ``codes * scale`` is the vector to half a step. A vector of zeros
        has scale 1.
    """
    top = levels(bits)
    scale = (np.abs(vectors).max(axis=1, initial=0) / top).astype(np.float32)
    scale = np.where(scale > 0, scale, np.float32(1)).astype(np.float32)
    return np.clip(np.rint(vectors / scale[:, None]), -top, top).astype(np.int8), scale


def same_look(one: NDArray[np.int8], other: NDArray[np.int8], bits: int = 4) -> bool:
    """Whether two whole-number vectors are one embedding, be it that one of them was kept in fewer bits."""
    if len(one) != len(other):
        return False
    codes, _ = encode(np.stack([one, other]).astype(np.float64), bits)
    return bool((codes[0] == codes[1]).all())


def decode(codes: NDArray[np.int8], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors again, ``[k, d]``."""
    return codes.astype(np.float32) * scale[:, None]
