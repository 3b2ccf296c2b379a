"""A device day after ingest: fetched, checked, durable, and ready to load.

``<landing>/<device>/<day>/r<revision>/`` holds ``manifest.json``, the files as the device sent them in ``files/``,
record files that lost rows to quarantine in ``clean/``, and ``landed.json``, which is written last: without it the day
has not landed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.device_day import Manifest, manifest_sha256, parse_manifest
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.identifiers import Sha256
from herdbook.contracts.records import RecordKind
from herdbook.contracts.validation import first_problem
from herdbook.errors import LandedDayError

MARKER = "landed.json"


class Landing(Contract):
    """``landed.json``: which file holds the accepted rows of each record kind, relative to the day's folder."""

    manifest_sha256: str
    records: dict[RecordKind, str]
    sha256: dict[RecordKind, Sha256]
    """Of those files."""
    rows: dict[RecordKind, int]
    """Accepted rows by kind."""
    quarantined_rows: int = Field(ge=0)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not set(RecordKind) == self.records.keys() == self.sha256.keys() == self.rows.keys():
            raise ValueError("it does not speak of every record kind")
        return self


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
        LandedDayError: the folder is incomplete, or its manifest was altered since it landed.
    """
    try:
        raw = (folder / "manifest.json").read_bytes()
        landing = Landing.model_validate_json((folder / MARKER).read_bytes())
    except OSError as error:
        raise LandedDayError(f"{error.filename} is gone, or cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise LandedDayError(f"{folder / MARKER}: {first_problem(error.errors())}") from error
    if manifest_sha256(raw) != landing.manifest_sha256:
        raise LandedDayError(f"{folder}: the manifest was altered since it landed")
    return LandedDay(folder=folder, manifest=parse_manifest(raw), landing=landing)


def verify_landed_day(landed: LandedDay) -> None:
    """Check that every record file is byte for byte what landed.

    Raises:
        LandedDayError: one is gone or was altered.
    """
    for kind in RecordKind:
        path = landed.record_path(kind)
        try:
            found = sha256_of(path)
        except OSError as error:
            raise LandedDayError(f"{path} is gone since the day landed, or cannot be read: {error.strerror}") from error
        if found != landed.landing.sha256[kind]:
            raise LandedDayError(f"{path} was altered since the day landed")


def landed_days(landing: Path) -> list[Path]:
    """Folders under the landing area that hold a landed day, in the order device, day, revision."""
    found = landing.glob(f"*/*/r*/{MARKER}")
    return sorted(
        (marker.parent for marker in found), key=lambda f: (f.parent.parent.name, f.parent.name, int(f.name[1:]))
    )
