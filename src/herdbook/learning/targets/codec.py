"""One target as bytes: half floats, or integers of eight bits with a scale for each channel, then zstd.

A blob is a JSON header line (format, shape, encoding) followed by a zstd frame: for int8 the scales, then the values
(float32, one per channel; value = integer x scale). Bytes of half floats are shuffled first (all low bytes, then all
high ones: exponents repeat, mantissas are noise), as HDF5's and Blosc's shuffle filter does. Measured in ADR 0103.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from herdbook.errors import FileFormatError, InputError

Features = NDArray[np.float32]
"""(channels, height, width)."""
FORMAT = "herdbook-target/1"
LEVEL = 1
_MAX_HEADER = 512


class Encoding(StrEnum):
    """How values are kept."""

    FP16 = "fp16"
    INT8 = "int8"


def pack(features: Features, encoding: Encoding) -> bytes:
    """Encode a target.

    Raises:
        InputError: a value is not finite, or too large for half floats.
    """
    if features.ndim != 3 or not np.isfinite(features).all():
        raise InputError("the teacher gave a feature that is not a finite number", "Look at its weights and precision.")
    if encoding is Encoding.FP16:
        limit = float(np.finfo(np.float16).max)
        if np.abs(features).max(initial=0) > limit:
            raise InputError(f"a feature exceeds {limit:g}, the largest half float", "Keep targets as int8.")
        values, scales = _shuffled(features.astype("<f2")), b""
    else:
        largest = np.abs(features).max(axis=(1, 2))
        scale = np.where(largest > 0, largest / 127, 1).astype("<f4")
        values = np.rint(features / scale[:, None, None]).astype(np.int8).tobytes()
        scales = scale.tobytes()
    header = {"format": FORMAT, "shape": list(features.shape), "encoding": encoding.value}
    packed: bytes = _codec().compress(scales + values, asbytes=True)
    return json.dumps(header).encode() + b"\n" + packed


def unpack(blob: bytes, source: str = "a target") -> Features:
    """Decode a target.

    Raises:
        FileFormatError: it is damaged.
    """
    header, _, packed = blob.partition(b"\n")
    try:
        said: dict[str, Any] = json.loads(header[:_MAX_HEADER])
        shape, encoding = tuple(int(n) for n in said["shape"]), Encoding(said["encoding"])
        if said["format"] != FORMAT or len(shape) != 3 or min(shape) <= 0:
            raise ValueError(said)
        size = int(np.prod(shape))
        extra = 0 if encoding is Encoding.FP16 else 4 * shape[0]
        width = 2 if encoding is Encoding.FP16 else 1
        content = _codec().decompress(packed, decompressed_size=extra + width * size, asbytes=True)
    except (ValueError, KeyError, TypeError, OSError, pa.ArrowException) as error:
        raise FileFormatError(f"{source} is damaged: {error}", "Remove it; it is computed again.") from error
    if encoding is Encoding.FP16:
        return _unshuffled(content, size).astype(np.float32).reshape(shape)
    scale = np.frombuffer(content, "<f4", shape[0])
    values = np.frombuffer(content, np.int8, size, extra).astype(np.float32).reshape(shape)
    scaled: Features = values * scale[:, None, None]
    return scaled


def _codec() -> Any:
    return pa.Codec("zstd", LEVEL)


def _shuffled(values: NDArray[np.float16]) -> bytes:
    return np.ascontiguousarray(values.reshape(-1).view(np.uint8).reshape(-1, 2).T).tobytes()


def _unshuffled(content: bytes, size: int) -> NDArray[np.float16]:
    planes = np.frombuffer(content, np.uint8, 2 * size).reshape(2, size)
    return np.ascontiguousarray(planes.T).view("<f2").reshape(-1)
