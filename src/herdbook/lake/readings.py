"""Readings: archived footage read here by another release. Loads like a device's, but never a revision of its day.

Their rows lie in the record tables under a load of their own; ``record.reading`` names it, ``device_day`` does not, so
no view of the herd shows them.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import duckdb

from herdbook.contracts.device_day import ReleaseUse
from herdbook.contracts.landed_day import LandedDay, verify_landed_day
from herdbook.contracts.records import RecordKind
from herdbook.errors import ConfigurationError
from herdbook.lake import transaction
from herdbook.lake.attach import open_lake
from herdbook.lake.load import append_manifest, append_records
from herdbook.lake.migrate import require_current
from herdbook.lake.rows import insert_rows
from herdbook.settings import Settings

_RELEASE = "SELECT DISTINCT engine, space_id, dimensions, ethogram_id FROM record.model_release WHERE release_id = ?"
_LAST = "SELECT max(loaded_at) FROM record.reading WHERE device_id = ? AND day = ? AND release_id = ?"


@dataclass(frozen=True)
class Reading:
    """What was read with what."""

    engine_sha256: str
    of_load_id: str
    """The day's current load, whose cameras were used."""
    clips: tuple[str, ...]
    """Digests."""


def read_clips(settings: Settings, release: ReleaseUse, engine_sha256: str) -> dict[tuple[str, date], Collection[str]]:
    """Digests of the clips that a release has read, by device and day.

    Raises:
        NotInitialisedError: there is no lake.
        ConfigurationError: the lake knows another release of this name.
    """
    with open_lake(settings, read_only=True) as lake:
        require_current(lake)
        _require_same(lake, release, engine_sha256)
        rows = lake.execute(
            "SELECT device_id, day, clips FROM reading WHERE release_id = ?", [release.release_id]
        ).fetchall()
    return {(device, day): set(clips) for device, day, clips in rows}


def load_reading(settings: Settings, landed: LandedDay, reading: Reading) -> str:
    """Append a reading in one transaction; the same release's earlier reading of the day is superseded by it.

    Returns:
        Its load id.

    Raises:
        NotInitialisedError: there is no lake, or it is of an older version.
        LakeBusyError: other writers held the lake for too long.
        LandedDayError: the files are not what they were when they were checked.
        ConfigurationError: the lake knows another release of this name.
    """
    verify_landed_day(landed)
    manifest = landed.manifest
    turn = f"{manifest.device_id} {manifest.day}"
    return transaction.write(settings, lambda lake: _load(lake, landed, reading, settings.embedding_bits), turn_of=turn)


def _load(lake: duckdb.DuckDBPyConnection, landed: LandedDay, reading: Reading, bits: int) -> str:
    require_current(lake)
    manifest = landed.manifest
    (release,) = manifest.releases
    _require_same(lake, release, reading.engine_sha256)
    load_id = f"{manifest.day}:{manifest.device_id}:{release.release_id}:{secrets.token_hex(6)}"
    rows = {kind: append_records(lake, load_id, landed, kind, bits) for kind in RecordKind}
    append_manifest(lake, load_id, manifest)
    (last,) = lake.execute(_LAST, [manifest.device_id, manifest.day, release.release_id]).fetchone() or (None,)
    now = datetime.now(UTC)  # a clock that went back must not make the new reading the older one
    extent = manifest.extent
    insert_rows(
        lake,
        "record.reading",
        [
            {
                "load_id": load_id,
                "device_id": manifest.device_id,
                "farm_id": manifest.farm_id,
                "day": manifest.day,
                "timezone": manifest.timezone,
                "starts_at": extent.start,
                "ends_at": extent.end,
                "release_id": release.release_id,
                "engine_sha256": reading.engine_sha256,
                "of_load_id": reading.of_load_id,
                "clips": sorted(reading.clips),
                "software_version": manifest.software_version,
                **{f"{kind.value}_rows": count for kind, count in rows.items()},
                "loaded_at": now if last is None else max(now, last + timedelta(microseconds=1)),
            }
        ],
    )
    return load_id


def _require_same(lake: duckdb.DuckDBPyConnection, release: ReleaseUse, engine_sha256: str) -> None:
    """A release's name stands for one thing, for ever."""
    mine = (release.engine, release.space_id, release.dimensions, release.ethogram_id)
    known = lake.execute(_RELEASE, [release.release_id]).fetchall()
    engines = lake.execute(
        "SELECT DISTINCT engine_sha256 FROM record.reading WHERE release_id = ?", [release.release_id]
    ).fetchall()
    if any(row != mine for row in known) or any(digest != engine_sha256 for (digest,) in engines):
        raise ConfigurationError(
            f"the lake knows another release '{release.release_id}' with other files, engine, space or ethogram",
            "Give the release a name of its own: `release_id` in its engine.yaml.",
        )
