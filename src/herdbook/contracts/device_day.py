"""The manifest of a device day: what one device offers for one farm-local day.

A manifest is immutable. When the device has more or better data for the same day it issues a higher ``revision``.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from herdbook.contracts import farmtime
from herdbook.contracts.camera import Camera, Contract
from herdbook.contracts.farmtime import FarmDay, Instant, TimezoneName
from herdbook.contracts.identifiers import FileName, Sha256, Slug
from herdbook.contracts.records import RecordKind
from herdbook.contracts.validation import first_problem
from herdbook.errors import ManifestError, UnsafePathError

MAX_MANIFEST_BYTES = 16 * 1024 * 1024
MAX_FILES = 100_000
_MAX_COUNT = 1 << 40  # bytes or rows of a file: sums of as many files as there may be still fit 64 bits
_SHOWN = 80

Revision = Annotated[int, Field(ge=1, le=999_999_999, strict=True)]
"""Counts the revisions of a day; nine digits are what folders, databases and people can hold."""


class FileKind(StrEnum):
    """Kinds of files; all but clips and boxes are records."""

    CLIP = "clip"
    BOXES = "boxes"
    COVERAGE = RecordKind.COVERAGE.value
    TRACKLET = RecordKind.TRACKLET.value
    BOUT = RecordKind.BOUT.value
    EMBEDDING = RecordKind.EMBEDDING.value
    ACTIVITY = RecordKind.ACTIVITY.value

    @property
    def is_record(self) -> bool:
        """Whether files of this kind go to the lake."""
        return self not in (FileKind.CLIP, FileKind.BOXES)


class DayFile(Contract):
    """One file of the day. ``rows`` is set for Parquet files, the camera and its interval for clips and boxes."""

    kind: FileKind
    name: FileName
    bytes: Annotated[int, Field(ge=0, le=_MAX_COUNT, strict=True)]
    sha256: Sha256
    rows: Annotated[int, Field(ge=0, le=_MAX_COUNT, strict=True)] | None = None
    camera_id: Slug | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind is not FileKind.CLIP and self.rows is None:
            raise ValueError(f"{self.name}: a {self.kind.value} file needs its number of rows")
        interval = (self.started_at, self.ended_at)
        if self.kind is FileKind.CLIP and (self.camera_id is None or None in interval):
            raise ValueError(f"{self.name}: a clip needs its camera, start and end")
        if self.started_at is not None and self.ended_at is not None and self.ended_at <= self.started_at:
            raise ValueError(f"{self.name}: it ends after it starts")
        return self


class ReleaseUse(Contract):
    """A model release that made rows of this day: engine, embedding space and ethogram."""

    release_id: Slug
    engine: Slug
    space_id: Slug
    dimensions: Annotated[int, Field(gt=0, le=8192)]
    ethogram_id: Slug


class Manifest(Contract):
    """All that a device says of one of its days."""

    format: Literal["herdbook-device-day/1"] = "herdbook-device-day/1"
    device_id: Slug
    farm_id: Slug
    day: FarmDay
    timezone: TimezoneName
    revision: Revision
    final: bool
    """False while the day is still being recorded."""
    issued_at: Instant
    software_version: Annotated[str, Field(max_length=64)]
    releases: Annotated[tuple[ReleaseUse, ...], Field(min_length=1)]
    cameras: Annotated[tuple[Camera, ...], Field(min_length=1)]
    files: Annotated[tuple[DayFile, ...], Field(max_length=MAX_FILES)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [f.name for f in self.files]
        if len(set(names)) != len(names):
            raise ValueError("two files have the same name")
        cameras = {c.camera_id for c in self.cameras}
        if len(cameras) != len(self.cameras):
            raise ValueError("two cameras have the same id")
        start, end = self.extent
        sizes: dict[str, int] = {}
        for f in self.files:
            if f.camera_id is not None and f.camera_id not in cameras:
                raise ValueError(f"{f.name}: camera '{f.camera_id}' is not among the manifest's cameras")
            if any(moment is not None and not start <= moment <= end for moment in (f.started_at, f.ended_at)):
                raise ValueError(f"{f.name}: it is not of the farm-local day {self.day}")
            if sizes.setdefault(f.sha256, f.bytes) != f.bytes:
                raise ValueError(f"{f.name}: another file of the same sha256 has another size")
        for kind in RecordKind:
            if sum(f.kind.value == kind.value for f in self.files) != 1:
                raise ValueError(f"a day has exactly one {kind.value} file")
        return self

    @property
    def extent(self) -> farmtime.DayExtent:
        """The day in UTC."""
        return farmtime.day_extent(self.day, self.timezone)

    def record_file(self, kind: RecordKind) -> DayFile:
        """The day's file of a record kind."""
        return next(f for f in self.files if f.kind.value == kind.value)

    def of_kind(self, kind: FileKind) -> tuple[DayFile, ...]:
        """All files of a kind."""
        return tuple(f for f in self.files if f.kind is kind)

    def to_bytes(self) -> bytes:
        """The manifest as it is stored, sent and hashed."""
        return (self.model_dump_json(indent=1) + "\n").encode()


def parse_manifest(raw: bytes) -> Manifest:
    """Read and validate a manifest.

    Raises:
        UnsafePathError: a file's name tries to leave its folder.
        ManifestError: anything else is wrong; the message names the first problem.
    """
    if len(raw) > MAX_MANIFEST_BYTES:
        raise ManifestError(f"the manifest has {len(raw)} bytes, more than {MAX_MANIFEST_BYTES}")
    try:
        return Manifest.model_validate_json(raw)
    except ValidationError as error:
        problems = error.errors()
        for place, given in ((problem["loc"], problem["input"]) for problem in problems):
            if place[:1] == ("files",) and place[-1] == "name" and _leaves_its_folder(given):
                raise UnsafePathError(f"the manifest names a file {_shortened(given)}") from error
        raise ManifestError(f"manifest, {first_problem(problems, 'as a whole')}") from error


def _leaves_its_folder(name: object) -> bool:
    return isinstance(name, str) and (name.startswith(".") or ".." in name or "/" in name or "\\" in name)


def _shortened(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…")


def manifest_sha256(raw: bytes) -> str:
    """The digest by which a manifest's exact bytes are acknowledged."""
    return hashlib.sha256(raw).hexdigest()
