"""The record files of a device day: one Arrow schema per kind, as columns a device must write exactly.

Times are UTC with microseconds; intervals are half open, ``[started_at, ended_at)``. ``clip`` names the footage a
row was made from (null where no footage is kept), ``release_id`` the model that made it. Metre columns are null where
the camera has no metric calibration; where they are set, ``calibration_id`` names the one that was used.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa


class RecordKind(StrEnum):
    """Record files that a device day carries, in the order they are loaded."""

    COVERAGE = "coverage"
    TRACKLET = "tracklet"
    BOUT = "bout"
    EMBEDDING = "embedding"
    ACTIVITY = "activity"


class CameraState(StrEnum):
    """What a camera was doing. Time that no coverage row speaks of counts as off."""

    ON = "on"
    DEGRADED = "degraded"
    OFF = "off"


_TIME = pa.timestamp("us", tz="UTC")


def _field(name: str, kind: pa.DataType, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable)


_MADE_BY = [_field("clip", pa.string(), nullable=True), _field("release_id", pa.string())]


@dataclass(frozen=True)
class RecordSpec:
    """A record kind's schema, its unique key, and the columns that hold instants."""

    schema: pa.Schema
    key: tuple[str, ...]
    start: str
    end: str | None = None


RECORDS: dict[RecordKind, RecordSpec] = {
    # One camera's rows do not overlap. reason is free text for people, null while on.
    RecordKind.COVERAGE: RecordSpec(
        pa.schema(
            [
                _field("camera_id", pa.string()),
                _field("started_at", _TIME),
                _field("ended_at", _TIME),
                _field("state", pa.string()),
                _field("reason", pa.string(), nullable=True),
            ]
        ),
        key=("camera_id", "started_at"),
        start="started_at",
        end="ended_at",
    ),
    # One animal followed without a break by one camera. frames: detections in it; confidence: mean, 0..1.
    RecordKind.TRACKLET: RecordSpec(
        pa.schema(
            [
                _field("tracklet_id", pa.string()),
                _field("camera_id", pa.string()),
                _field("started_at", _TIME),
                _field("ended_at", _TIME),
                _field("frames", pa.int32()),
                _field("confidence", pa.float32()),
                *_MADE_BY,
            ]
        ),
        key=("tracklet_id",),
        start="started_at",
        end="ended_at",
    ),
    # One behaviour of the day's ethogram, from-to. Bouts of one tracklet do not overlap. probability: 0..1.
    RecordKind.BOUT: RecordSpec(
        pa.schema(
            [
                _field("tracklet_id", pa.string()),
                _field("started_at", _TIME),
                _field("ended_at", _TIME),
                _field("behaviour", pa.string()),
                _field("probability", pa.float32()),
                _field("zone_id", pa.string(), nullable=True),
                *_MADE_BY,
            ]
        ),
        key=("tracklet_id", "started_at"),
        start="started_at",
        end="ended_at",
    ),
    # vector * scale is the embedding in its space, L2 norm 1 before quantisation. quality: 0..1.
    RecordKind.EMBEDDING: RecordSpec(
        pa.schema(
            [
                _field("tracklet_id", pa.string()),
                _field("at", _TIME),
                _field("space_id", pa.string()),
                _field("vector", pa.list_(pa.field("element", pa.int8(), nullable=False))),
                _field("scale", pa.float32()),
                _field("quality", pa.float32()),
                *_MADE_BY,
            ]
        ),
        key=("tracklet_id", "at", "space_id"),
        start="at",
    ),
    # Per tracklet and UTC hour. observed_s: seconds the animal was detected in it, the denominator of the rest.
    RecordKind.ACTIVITY: RecordSpec(
        pa.schema(
            [
                _field("tracklet_id", pa.string()),
                _field("hour", _TIME),
                _field("observed_s", pa.float32()),
                _field("distance_px", pa.float32()),
                _field("distance_m", pa.float32(), nullable=True),
                _field("speed_p95_m_s", pa.float32(), nullable=True),
                _field("body_length_m", pa.float32(), nullable=True),
                _field("body_area_m2", pa.float32(), nullable=True),
                _field("calibration_id", pa.string(), nullable=True),
                *_MADE_BY,
            ]
        ),
        key=("tracklet_id", "hour"),
        start="hour",
    ),
}

# Per-frame boxes stay beside the footage, under its policy, and do not enter the lake (docs/adr/0002). frame counts
# from 1 within the clip; box in pixels of the full frame, top-left corner and size.
BOXES_SCHEMA = pa.schema(
    [
        _field("clip", pa.string()),
        _field("frame", pa.int32()),
        _field("at", _TIME),
        _field("tracklet_id", pa.string()),
        _field("x", pa.float32()),
        _field("y", pa.float32()),
        _field("width", pa.float32()),
        _field("height", pa.float32()),
        _field("confidence", pa.float32()),
    ]
)


def record_table(kind: RecordKind, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table of the kind's schema, sorted by its key so that equal content gives equal bytes."""
    spec = RECORDS[kind]
    table = pa.Table.from_pylist(rows, schema=spec.schema)
    return table.sort_by([(column, "ascending") for column in spec.key])
