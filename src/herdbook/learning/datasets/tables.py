"""Tables of a frozen dataset. Parquet, zstd, sorted by their keys, so that equal content gives equal bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from herdbook.contracts.durable import fsync_path
from herdbook.learning.formats.annotations import ANIMAL, BEHAVIOUR, Shape

_TIME = pa.timestamp("us", tz="UTC")


def _field(name: str, kind: pa.DataType, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable)


_OF_CLIP = [
    _field("device_id", pa.string()),
    _field("day", pa.date32()),
    _field("clip", pa.string()),
]

FRAMES = pa.schema(
    [
        _field("frame_id", pa.string()),  # SHA-256 of the pixels: learning.pixels.frame_id
        _field("split", pa.string()),
        _field("site", pa.string()),
        _field("camera_id", pa.string()),
        *_OF_CLIP,
        _field("frame", pa.int32()),  # in the clip, from 1
        _field("at", _TIME),
        _field("width", pa.int32()),
        _field("height", pa.int32()),
        _field("light", pa.string()),
        _field("luma", pa.float32()),
        _field("crowding", pa.string()),
        _field("touching", pa.float32(), nullable=True),
        _field("disagreement", pa.float32(), nullable=True),
        _field("labelled", pa.bool_()),  # somebody looked for animals; there may be none
        _field("people_blanked", pa.int32(), nullable=True),  # null where nobody looked for people
        _field("bytes", pa.int64()),
        _field("file", pa.string()),  # below the dataset's folder
    ]
)

_SHAPE = [
    _field("source", pa.string()),
    _field("label", pa.string()),
    _field("x", pa.float32()),
    _field("y", pa.float32()),
    _field("width", pa.float32()),
    _field("height", pa.float32()),
    _field("animal", pa.string(), nullable=True),  # unique within the site
    _field("behaviour", pa.string(), nullable=True),
    _field("occluded", pa.bool_()),
    _field("mask", pa.list_(pa.int32()), nullable=True),  # COCO run lengths: learning.formats.rle
]
LABELS = pa.schema([_field("frame_id", pa.string()), *_SHAPE])
SEQUENCES = pa.schema([*_OF_CLIP, _field("frame", pa.int32()), *_SHAPE])

CLIPS = pa.schema(
    [
        *_OF_CLIP,
        _field("site", pa.string()),
        _field("camera_id", pa.string()),
        _field("split", pa.string(), nullable=True),  # null: left out, for it links sides
        _field("sha256", pa.string()),
        _field("started_at", _TIME),
        _field("ended_at", _TIME),
        _field("animals", pa.list_(pa.string())),
        _field("labelled_frames", pa.int32()),
        _field("camera", pa.string(), nullable=True),  # zones and calibration: contracts.camera.Camera as JSON
        _field("file", pa.string(), nullable=True),  # below the dataset's folder; null unless clips are kept
    ]
)


def shape_row(shape: Shape, source: str) -> dict[str, Any]:
    """A label's columns."""
    x, y, width, height = shape.box
    return {
        "source": source,
        "label": shape.label,
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "animal": shape.attribute(ANIMAL) or shape.track,
        "behaviour": shape.attribute(BEHAVIOUR),
        "occluded": shape.occluded,
        "mask": None if shape.mask is None else list(shape.mask.counts),
    }


def write_rows(path: Path, schema: pa.Schema, rows: list[dict[str, Any]]) -> None:
    """Write a table into a folder that nobody reads yet."""
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")
    fsync_path(path)
