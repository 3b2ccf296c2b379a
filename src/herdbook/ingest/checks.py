"""What makes a row of each record kind acceptable. Every check marks rows; none stops the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from herdbook.contracts.device_day import FileKind, Manifest
from herdbook.contracts.ethogram import load_ethogram
from herdbook.contracts.identifiers import TrackletId, tracklet_prefix
from herdbook.contracts.records import RECORDS, CameraState, RecordKind
from herdbook.errors import DayBoundaryError, DuplicateRowError, ForeignKeyError, RecordValueError
from herdbook.ingest.repeats import duplicates, overlaps
from herdbook.ingest.sieve import Integers, Mask, Sieve, as_mask

HOUR_US = 3_600_000_000
NORM_TOLERANCE = 0.1
"""How far an embedding's L2 norm may be from 1; rounding 384 dimensions to int8 alone can move it by 0.077."""
_TRACKLET_PATTERN = get_args(TrackletId)[1].pattern
_TRACKLET_LENGTH = get_args(TrackletId)[1].max_length


@dataclass
class Tracklets:
    """The day's tracklets after their own checks: what other rows may hang on."""

    accepted: pa.Table
    sent: pa.Array

    @cached_property
    def ids(self) -> pa.Array:
        """Identifiers of the accepted ones."""
        return self.accepted["tracklet_id"].combine_chunks()

    def interval(self, name: str) -> Integers:
        """``started_at`` or ``ended_at`` of the accepted ones, microseconds."""
        values: Integers = self.accepted[name].cast(pa.int64()).to_numpy()
        return values


@dataclass
class Context:
    """What rows are checked against: the manifest, and for all but coverage and tracklets the day's tracklets."""

    manifest: Manifest
    tracklets: Tracklets | None = None
    start: int = field(init=False)
    end: int = field(init=False)

    def __post_init__(self) -> None:
        extent = self.manifest.extent
        self.start, self.end = (_micros(moment) for moment in extent)

    @property
    def cameras(self) -> pa.Array:
        return pa.array([camera.camera_id for camera in self.manifest.cameras], pa.string())

    @property
    def clips(self) -> pa.Array:
        return pa.array([file.name for file in self.manifest.of_kind(FileKind.CLIP)], pa.string())

    @property
    def zones(self) -> pa.Array:
        return pa.array([zone.zone_id for camera in self.manifest.cameras for zone in camera.zones], pa.string())

    @property
    def calibrations(self) -> pa.Array:
        cameras = self.manifest.cameras
        return pa.array([c.calibration_id for camera in cameras for c in camera.calibrations], pa.string())

    @property
    def releases(self) -> pa.Array:
        return pa.array([release.release_id for release in self.manifest.releases], pa.string())


def check_rows(kind: RecordKind, sieve: Sieve, context: Context) -> None:
    """Mark every row of a kind's table that cannot be accepted."""
    _CHECKS[kind](sieve, context)
    sieve.reject(duplicates(sieve, RECORDS[kind].key), DuplicateRowError, f"an earlier row has the same {_key(kind)}")
    if kind is RecordKind.COVERAGE:
        _no_overlap(sieve, "camera_id")
    if kind is RecordKind.BOUT:
        _no_overlap(sieve, "tracklet_id")


def _coverage(sieve: Sieve, context: Context) -> None:
    sieve.reject(~sieve.among("camera_id", context.cameras), ForeignKeyError, "camera_id is not in the manifest")
    states = pa.array([state.value for state in CameraState], pa.string())
    sieve.reject(~sieve.among("state", states), RecordValueError, "state is not on, degraded or off")
    _interval(sieve, context)


def _tracklet(sieve: Sieve, context: Context) -> None:
    manifest = context.manifest
    ids = sieve.table["tracklet_id"]
    well_formed = as_mask(pc.match_substring_regex(ids, _TRACKLET_PATTERN)) & as_mask(
        pc.less_equal(pc.binary_length(ids), _TRACKLET_LENGTH)
    )
    prefix = tracklet_prefix(manifest.device_id, manifest.day.isoformat())
    ours = as_mask(pc.starts_with(ids, prefix))
    sieve.reject(~well_formed, RecordValueError, "tracklet_id is not an identifier")
    sieve.reject(~ours, ForeignKeyError, f"tracklet_id does not start with '{prefix}'")
    sieve.reject(~sieve.among("camera_id", context.cameras), ForeignKeyError, "camera_id is not in the manifest")
    _interval(sieve, context)
    sieve.reject(sieve.floats("frames") < 1, RecordValueError, "frames is less than 1")
    _within(sieve, "confidence", 0, 1)
    _made_by(sieve, context)


def _bout(sieve: Sieve, context: Context) -> None:
    _interval(sieve, context)
    began, ended = _on_tracklet(sieve, context)
    outside = (sieve.micros("started_at") < began) | (sieve.micros("ended_at") > ended)
    sieve.reject(outside, RecordValueError, "the bout is not within its tracklet")
    _within(sieve, "probability", 0, 1)
    _made_by(sieve, context)
    for release in context.manifest.releases:
        made = sieve.among("release_id", pa.array([release.release_id]))
        names = pa.array(load_ethogram(release.ethogram_id).names)
        unknown = made & ~sieve.among("behaviour", names)
        sieve.reject(unknown, ForeignKeyError, f"behaviour is not in ethogram '{release.ethogram_id}'")
    zoned = sieve.present("zone_id")
    sieve.reject(zoned & ~sieve.among("zone_id", context.zones), ForeignKeyError, "zone_id is not in the manifest")


def _embedding(sieve: Sieve, context: Context) -> None:
    at = sieve.micros("at")
    _in_day((at < context.start) | (at >= context.end), sieve)
    began, ended = _on_tracklet(sieve, context)
    sieve.reject((at < began) | (at > ended), RecordValueError, "the moment is not within its tracklet")
    _made_by(sieve, context)
    _within(sieve, "quality", 0, 1)
    scale = sieve.floats("scale")
    sieve.reject(~(np.isfinite(scale) & (scale > 0)), RecordValueError, "scale is not a number above 0")
    lengths = np.asarray(pc.list_value_length(sieve.table["vector"]))
    for release in context.manifest.releases:
        made = sieve.among("release_id", pa.array([release.release_id]))
        space = sieve.among("space_id", pa.array([release.space_id]))
        sieve.reject(made & ~space, ForeignKeyError, f"space_id is not that of release '{release.release_id}'")
        wrong = made & (lengths != release.dimensions)
        sieve.reject(wrong, RecordValueError, f"the vector does not have {release.dimensions} dimensions")
        _unit_length(sieve, made, release.dimensions)


def _activity(sieve: Sieve, context: Context) -> None:
    hour = sieve.micros("hour")
    sieve.reject(hour % HOUR_US != 0, RecordValueError, "hour is not a full UTC hour")
    # Where midnight is not on a UTC hour (India, Nepal) the first hour begins before the day does.
    _in_day((hour + HOUR_US <= context.start) | (hour >= context.end), sieve)
    began, ended = _on_tracklet(sieve, context)
    sieve.reject((hour + HOUR_US <= began) | (hour >= ended), RecordValueError, "the tracklet is not seen in that hour")
    _within(sieve, "observed_s", 0, 3600)
    _within(sieve, "distance_px", 0, np.inf)
    metric = ("distance_m", "speed_p95_m_s", "body_length_m", "body_area_m2")
    for name in metric:
        _within(sieve, name, 0, np.inf, nullable=True)
    calibrated = sieve.present("calibration_id")
    measured = np.logical_or.reduce([sieve.present(name) for name in metric])
    sieve.reject(measured & ~calibrated, RecordValueError, "metres without a calibration_id")
    unknown = calibrated & ~sieve.among("calibration_id", context.calibrations)
    sieve.reject(unknown, ForeignKeyError, "calibration_id is not in the manifest")
    _made_by(sieve, context)


_CHECKS = {
    RecordKind.COVERAGE: _coverage,
    RecordKind.TRACKLET: _tracklet,
    RecordKind.BOUT: _bout,
    RecordKind.EMBEDDING: _embedding,
    RecordKind.ACTIVITY: _activity,
}


def _interval(sieve: Sieve, context: Context) -> None:
    start, end = sieve.micros("started_at"), sieve.micros("ended_at")
    sieve.reject(end <= start, RecordValueError, "ended_at is not after started_at")
    _in_day((start < context.start) | (end > context.end), sieve)


def _in_day(outside: Mask, sieve: Sieve) -> None:
    sieve.reject(outside, DayBoundaryError, "outside the farm-local day")


def _on_tracklet(sieve: Sieve, context: Context) -> tuple[Integers, Integers]:
    """Reject rows without a tracklet; start and end of each row's tracklet, anything for the rejected ones."""
    tracklets = context.tracklets
    assert tracklets is not None, "tracklets are checked first"
    found = pc.index_in(sieve.table["tracklet_id"], value_set=tracklets.ids)
    index = pc.fill_null(found, -1).to_numpy().astype(np.int64)
    sent = sieve.among("tracklet_id", tracklets.sent)
    sieve.reject((index < 0) & ~sent, ForeignKeyError, "tracklet_id is not in the day's tracklets")
    sieve.reject(index < 0, ForeignKeyError, "its tracklet is in quarantine")
    if not len(tracklets.ids):
        nothing = np.zeros(len(index), dtype=np.int64)
        return nothing, nothing
    return tracklets.interval("started_at")[index], tracklets.interval("ended_at")[index]


def _made_by(sieve: Sieve, context: Context) -> None:
    sieve.reject(~sieve.among("release_id", context.releases), ForeignKeyError, "release_id is not in the manifest")
    named = sieve.present("clip")
    sieve.reject(named & ~sieve.among("clip", context.clips), ForeignKeyError, "clip is not in the manifest")


def _within(sieve: Sieve, name: str, low: float, high: float, *, nullable: bool = False) -> None:
    values = sieve.floats(name)
    fine = np.isfinite(values) & (values >= low) & (values <= high)
    if nullable:
        fine |= ~sieve.present(name)
    said = f"between {low:g} and {high:g}" if np.isfinite(high) else f"finite and at least {low:g}"
    sieve.reject(~fine, RecordValueError, f"{name} is not {said}")


def _unit_length(sieve: Sieve, made: Mask, dimensions: int) -> None:
    rows = np.flatnonzero(made & sieve.kept)
    values = sieve.table["vector"].take(pa.array(rows)).combine_chunks().flatten().to_numpy()
    vectors = values.reshape(len(rows), dimensions)
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)) * sieve.floats("scale")[rows]
    bad = np.zeros(len(made), dtype=bool)
    bad[rows] = ~(np.abs(norms - 1) <= NORM_TOLERANCE)
    sieve.reject(bad, RecordValueError, "the vector's length is not 1")


def _no_overlap(sieve: Sieve, group: str) -> None:
    bad = overlaps(sieve, group, "started_at", "ended_at")
    sieve.reject(bad, DuplicateRowError, f"overlaps an earlier row of the same {group}")


def _key(kind: RecordKind) -> str:
    return ", ".join(RECORDS[kind].key)


def _micros(moment: datetime) -> int:
    from datetime import UTC

    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
