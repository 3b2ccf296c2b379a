"""What a device is told to run, as a signed target of its own, and where signed targets lie."""

from __future__ import annotations

from datetime import datetime, time
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import Instant, zone
from herdbook.contracts.identifiers import FileName, Sha256, Slug
from herdbook.contracts.release import MAX_FILE_BYTES


def release_target(release_id: str, name: str) -> str:
    """Path of a release's file in the signed repository."""
    return f"releases/{release_id}/{name}"


def plan_target(release_id: str, engine_key: str, name: str) -> str:
    """Path of a built engine: `herdbook.contracts.hardware.Hardware.engine_key`."""
    return f"releases/{release_id}/plans/{engine_key}/{name}"


def pool_target(device_id: str, name: str) -> str:
    """Path of the embedding pools of a device's animals."""
    return f"assignments/{device_id}/{name}"


def assignment_target(device_id: str) -> str:
    """Path of a device's assignment."""
    return f"assignments/{device_id}.json"


class Why(StrEnum):
    """What an assignment is part of."""

    ROLLOUT = "rollout"
    ROLLBACK = "rollback"
    PIN = "pin"


class TargetFile(Contract):
    """A signed file that the device needs, under its own name in the installed folder."""

    path: Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9._/-]{0,255}$")]
    name: FileName
    bytes: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES, strict=True)]
    sha256: Sha256

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if any(part in ("", ".", "..") for part in self.path.split("/")):
            raise ValueError("a path leaves its folder")
        return self


class Window(Contract):
    """Farm-local hours in which a device may switch; over midnight where it ends before it begins."""

    begins: time
    ends: time

    @model_validator(mode="after")
    def _hours(self) -> Self:
        if self.begins.tzinfo is not None or self.ends.tzinfo is not None:
            raise ValueError("hours are the farm's own and have no time zone")
        if self.begins == self.ends:
            raise ValueError("it ends when it begins: without a window a device may switch at any time")
        return self

    def contains(self, moment: datetime, timezone: str) -> bool:
        """Whether an instant lies within it on a farm of that time zone."""
        local = moment.astimezone(zone(timezone)).time()
        if self.begins < self.ends:
            return self.begins <= local < self.ends
        return local >= self.begins or local < self.ends


class Assignment(Contract):
    """The release that a device is to run from now on. A higher ``number`` replaces a lower one.

    One without files sends the device back to the engine of its device.yaml, which must be the one that it names.
    """

    format: Literal["herdbook-assignment/1"] = "herdbook-assignment/1"
    device_id: Slug
    number: Annotated[int, Field(ge=1, le=1 << 40, strict=True)]
    """Counts the device's assignments: it never takes up one below what it has seen."""
    release_id: Slug
    files: Annotated[tuple[TargetFile, ...], Field(max_length=512)]
    """All of the release's, ``release.json`` too; plans where there are any for the device; pools."""
    why: Why = Why.ROLLOUT
    rollout_id: Annotated[int, Field(ge=1)] | None = None
    builds: bool = False
    """Whether the device is the canary that builds the engine for its kind."""
    window: Window | None = None
    issued_at: Instant

    @model_validator(mode="after")
    def _names_what_runs(self) -> Self:
        if not self.files and self.why is not Why.ROLLBACK:
            raise ValueError("only who goes back needs no files")
        return self

    def digest_of(self, name: str) -> Sha256 | None:
        """The digest of the file of that name."""
        return next((file.sha256 for file in self.files if file.name == name), None)
