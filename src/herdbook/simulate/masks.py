"""Label images as run lengths: for every frame, which animal each pixel shows, row by row.

A file has ``clip``, ``frame`` (from 1), ``labels`` and ``lengths`` (runs in reading order; label 0 is floor, k the
pen's k-th animal) and, in the schema's metadata, ``width``, ``height`` and ``animals`` (ids in that order, separated
by spaces).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from herdbook.errors import FileFormatError


class MaskFrame(NamedTuple):
    """One frame's ``labels [height, width]``."""

    clip: str
    frame: int
    labels: NDArray[np.uint8]


def masks_schema(width: int, height: int, animals: Sequence[str]) -> pa.Schema:
    """Columns of ``masks.parquet`` and what is said of the whole file."""
    return pa.schema(
        [
            pa.field("clip", pa.string(), nullable=False),
            pa.field("frame", pa.int32(), nullable=False),
            pa.field("labels", pa.list_(pa.uint8()), nullable=False),
            pa.field("lengths", pa.list_(pa.int32()), nullable=False),
        ],
        metadata={"width": str(width), "height": str(height), "animals": " ".join(animals)},
    )


class Runs(NamedTuple):
    """A label image as runs: ``labels [r]`` and ``lengths [r]``."""

    labels: NDArray[np.uint8]
    lengths: NDArray[np.int32]


def encode(labels: NDArray[np.uint8]) -> Runs:
    """The runs of a label image."""
    flat = labels.ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    return Runs(flat[starts], np.diff(np.append(starts, flat.size)).astype(np.int32))


def decode(runs: Runs, width: int, height: int) -> NDArray[np.uint8]:
    """The label image of runs.

    Raises:
        FileFormatError: the runs do not fill the picture exactly.
    """
    if int(runs.lengths.sum()) != width * height:
        raise FileFormatError(f"the runs hold {int(runs.lengths.sum())} pixels, the picture {width * height}")
    return np.repeat(runs.labels, runs.lengths).reshape(height, width)


def read_masks(path: Path) -> Iterator[MaskFrame]:
    """Frames of a ``masks.parquet``, in the order in which they were drawn."""
    with pq.ParquetFile(path) as file:
        said = file.schema_arrow.metadata
        width, height = int(said[b"width"]), int(said[b"height"])
        for batch in file.iter_batches(batch_size=256):
            columns = (batch.column(name) for name in ("clip", "frame", "labels", "lengths"))
            for clip, frame, labels, lengths in zip(*columns, strict=True):
                runs = Runs(labels.values.to_numpy(), lengths.values.to_numpy())
                yield MaskFrame(clip.as_py(), frame.as_py(), decode(runs, width, height))
