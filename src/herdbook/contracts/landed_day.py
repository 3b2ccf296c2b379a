"""A device day after ingest: fetched, checked, durable, and ready to load.

``<landing>/<device>/<day>/r<revision>/`` holds ``manifest.json``, the files as the device sent them in ``files/``,
record files that lost rows to quarantine in ``clean/``, and ``landed.json``, which is written last: without it the day
has not landed.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from herdbook.contracts.camera import Contract
from herdbook.contracts.device_day import Manifest, manifest_sha256, parse_manifest
from herdbook.contracts.records import RecordKind
from herdbook.errors import StorageError

MARKER = "landed.json"


class Landing(Contract):
    """``landed.json``: which file holds the accepted rows of each record kind, relative to the day's folder."""

    manifest_sha256: str
    records: dict[RecordKind, str]
    rows: dict[RecordKind, int]
    """Accepted rows by kind."""
    quarantined_rows: int = Field(ge=0)


class LandedDay(Contract):
    """One landed device day on disk."""

    folder: Path
    manifest: Manifest
    landing: Landing

    def record_path(self, kind: RecordKind) -> Path:
        """The Parquet file with the accepted rows of a kind."""
        return self.folder / self.landing.records[kind]


def read_landed_day(folder: Path) -> LandedDay:
    """Read a landed day's folder.

    Raises:
        StorageError: the folder is incomplete or was altered since it landed.
    """
    try:
        raw = (folder / "manifest.json").read_bytes()
        landing = Landing.model_validate_json((folder / MARKER).read_bytes())
    except (OSError, ValidationError) as error:
        raise StorageError(f"{folder} is not a landed day: {error}", "Ingest the day again.") from error
    if manifest_sha256(raw) != landing.manifest_sha256:
        raise StorageError(f"{folder}: the manifest changed after it landed", "Ingest the day again.")
    return LandedDay(folder=folder, manifest=parse_manifest(raw), landing=landing)


def landed_days(landing: Path) -> list[Path]:
    """Folders under the landing area that hold a landed day, in the order device, day, revision."""
    found = landing.glob(f"*/*/r*/{MARKER}")
    return sorted(
        (marker.parent for marker in found), key=lambda f: (f.parent.parent.name, f.parent.name, int(f.name[1:]))
    )
