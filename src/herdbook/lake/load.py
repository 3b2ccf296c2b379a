"""Load a landed device day: one append-only transaction, so that it is there whole or not at all.

Every row carries the load's own ``load_id``; the ``device_day`` row committed with them makes the load visible. A later
load of the same day replaces it for every reader without touching it: `maintenance` deletes what was superseded.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import duckdb

from herdbook.contracts.codes import DEVICE_BITS, levels
from herdbook.contracts.device_day import Manifest
from herdbook.contracts.landed_day import LandedDay, verify_landed_day
from herdbook.contracts.records import RecordKind
from herdbook.errors import LandedDayError
from herdbook.lake import transaction
from herdbook.lake.migrate import require_current
from herdbook.lake.rows import insert_rows
from herdbook.settings import Settings

_CODED = """(
    SELECT * REPLACE (CAST(1 / sqrt(list_dot_product(vector::FLOAT[], vector::FLOAT[])) AS FLOAT) AS scale)
    FROM (
        SELECT * EXCLUDE (largest) REPLACE (
            list_transform(vector, lambda v: CAST(round_even(v::INTEGER * {top} / largest, 0) AS TINYINT)) AS vector
        )
        FROM (SELECT *, list_max(list_transform(vector, lambda v: abs(v))) AS largest FROM read_parquet($path))
    )
)"""


class LoadState(StrEnum):
    """What a load came to."""

    LOADED = "loaded"
    ALREADY_CURRENT = "already current"
    SUPERSEDED = "superseded"
    """A higher revision of the day is loaded; this one was left out."""


@dataclass(frozen=True)
class LoadResult:
    """A load. ``load_id`` is the day's current load, whether this call made it or found it."""

    load_id: str
    state: LoadState
    revision: int
    """Revision of the current load."""
    rows: int
    """Record rows appended by this call."""

    @property
    def loaded(self) -> bool:
        """Whether this call appended the day."""
        return self.state is LoadState.LOADED


def load_device_day(settings: Settings, landed: LandedDay) -> LoadResult:
    """Append a landed day to the lake, unless it is there already.

    Raises:
        NotInitialisedError: there is no lake, or it is of an older version.
        LakeBusyError: other writers held the lake for too long.
        LandedDayError: the landed files are not what they were when they landed.
    """
    verify_landed_day(landed)
    manifest = landed.manifest
    turn = f"{manifest.device_id} {manifest.day}"  # one load at a time of a device day; others go side by side
    return transaction.write(settings, lambda lake: _load(lake, landed, settings.embedding_bits), turn_of=turn)


def _load(lake: duckdb.DuckDBPyConnection, landed: LandedDay, bits: int) -> LoadResult:
    require_current(lake)
    manifest = landed.manifest
    current = _current(lake, landed)
    if current is not None:
        if current["revision"] > manifest.revision:
            return LoadResult(current["load_id"], LoadState.SUPERSEDED, current["revision"], 0)
        if all(current[name] == value for name, value in _content(landed).items()):
            return LoadResult(current["load_id"], LoadState.ALREADY_CURRENT, current["revision"], 0)
    # The day comes first: sorted by load_id is sorted by day, so files and row groups stay narrow in time.
    load_id = f"{manifest.day}:{manifest.device_id}:r{manifest.revision}:{secrets.token_hex(6)}"
    rows = sum(append_records(lake, load_id, landed, kind, bits) for kind in RecordKind)
    append_manifest(lake, load_id, manifest)
    loaded_at = datetime.now(UTC)
    if current is not None:  # a clock that went back must not make the new load the older one
        loaded_at = max(loaded_at, datetime.fromtimestamp(0, UTC) + timedelta(microseconds=current["loaded_us"] + 1))
    insert_rows(lake, "record.device_day", [_device_day(load_id, landed, loaded_at)])
    return LoadResult(load_id, LoadState.LOADED, manifest.revision, rows)


def _current(lake: duckdb.DuckDBPyConnection, landed: LandedDay) -> dict[str, Any] | None:
    manifest = landed.manifest
    names = ["load_id", "loaded_us", *_content(landed)]
    row = lake.execute(
        f"SELECT {', '.join(names)} FROM (SELECT *, epoch_us(loaded_at) AS loaded_us FROM device_day)"  # noqa: S608
        " WHERE device_id = ? AND day = ?",
        [manifest.device_id, manifest.day],
    ).fetchone()
    return None if row is None else dict(zip(names, row, strict=True))


def _content(landed: LandedDay) -> dict[str, Any]:
    """What makes two loads of a day the same: the manifest, and how much of it was accepted."""
    return {
        "revision": landed.manifest.revision,
        "manifest_sha256": landed.landing.manifest_sha256,
        **{f"{kind.value}_rows": landed.landing.rows[kind] for kind in RecordKind},
        "quarantined_rows": landed.landing.quarantined_rows,
    }


def append_records(
    lake: duckdb.DuckDBPyConnection, load_id: str, landed: LandedDay, kind: RecordKind, bits: int
) -> int:
    """Append a landed day's rows of one kind under a load; how many.

    Embeddings are kept in as few bits as re-identification bears (decision 0252): whole numbers of fewer levels, which
    Parquet's dictionary packs into so many bits.
    """
    source, path = "read_parquet($path)", str(landed.record_path(kind))
    if kind is RecordKind.EMBEDDING and bits < DEVICE_BITS:
        source = _CODED.format(top=levels(bits))
    appended = lake.execute(
        f"INSERT INTO record.{kind.value} BY NAME SELECT $load AS load_id, * FROM {source}",  # noqa: S608 - an enum
        {"load": load_id, "path": path},
    ).fetchone()
    rows, promised = int(appended[0]) if appended else 0, landed.landing.rows[kind]
    if rows != promised:
        raise LandedDayError(f"{landed.record_path(kind)} has {rows} rows, landed.json says {promised}")
    return rows


def append_manifest(lake: duckdb.DuckDBPyConnection, load_id: str, manifest: Manifest) -> None:
    """Append what a manifest says of cameras and releases under a load."""
    mark = {"load_id": load_id}
    insert_rows(
        lake,
        "record.camera_setup",
        [
            mark
            | c.model_dump(include={"camera_id", "pen_id", "width", "height", "fps"})
            | {"setup": c.model_dump_json()}
            for c in manifest.cameras
        ],
    )
    insert_rows(
        lake,
        "record.calibration",
        [
            mark | {"camera_id": c.camera_id} | calibration.model_dump() | {"homography": list(calibration.homography)}
            for c in manifest.cameras
            for calibration in c.calibrations
        ],
    )
    insert_rows(lake, "record.model_release", [mark | release.model_dump() for release in manifest.releases])


def _device_day(load_id: str, landed: LandedDay, loaded_at: datetime) -> dict[str, Any]:
    manifest = landed.manifest
    extent = manifest.extent
    return {
        "load_id": load_id,
        "device_id": manifest.device_id,
        "farm_id": manifest.farm_id,
        "day": manifest.day,
        "timezone": manifest.timezone,
        "starts_at": extent.start,
        "ends_at": extent.end,
        "final": manifest.final,
        "software_version": manifest.software_version,
        "loaded_at": loaded_at,
        **_content(landed),
    }
