"""What a device says of its engine: the certificate it earned, what changed on its own clips, where it stands."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import Instant
from herdbook.contracts.hardware import Hardware
from herdbook.contracts.identifiers import FileName, Sha256, Slug
from herdbook.contracts.release import Budget, File, Precision

_Seconds = Annotated[float, Field(ge=0)]
_Text = Annotated[str, Field(max_length=500)]


class Parity(Contract):
    """One fixture, run through the engine."""

    role: Slug
    precision: Precision
    error: Annotated[float, Field(ge=0)] | None
    """As `Fixture.tolerance` measures it; null where an output was not finite or absent."""
    tolerance: Annotated[float, Field(gt=0)]

    @property
    def holds(self) -> bool:
        """Whether the engine says what the release says."""
        return self.error is not None and self.error <= self.tolerance


class EngineCertificate(Contract):
    """What an engine proved on the machine that it runs on. It holds for exactly these bytes there."""

    format: Literal["herdbook-certificate/1"] = "herdbook-certificate/1"
    device_id: Slug
    release_id: Slug
    release_sha256: Sha256
    """Of ``release.json``."""
    hardware: Hardware
    backend: Literal["tensorrt", "onnxruntime"]
    engines: Annotated[tuple[File, ...], Field(min_length=1, max_length=64)]
    """What is loaded: plans, or graphs."""
    precision: Precision
    parity: tuple[Parity, ...]
    latency_ms: Annotated[float, Field(ge=0)]
    """Median of one pass over all networks that a frame needs."""
    memory_mib: Annotated[float, Field(ge=0)]
    """What the engines add to the process that holds them."""
    budget: Budget
    problems: tuple[_Text, ...] = ()
    """Why it is refused; empty where it is proved."""
    waived: tuple[_Text, ...] = ()
    """What it missed of its budget and was let pass: the fleet goes back to it, and may be busy with what was wrong."""
    built_here: bool = False
    software_version: Annotated[str, Field(max_length=63)]
    made_at: Instant

    @property
    def proved(self) -> bool:
        """Whether the engine may serve."""
        return not self.problems


class Reading(Contract):
    """What one release saw in one clip."""

    tracklets: Annotated[int, Field(ge=0)]
    animal_s: _Seconds
    """Seconds of tracklets, summed over animals."""
    behaviour_s: dict[Slug, _Seconds]
    identities: Annotated[int, Field(ge=0)] = 0
    """Groups into which the clip's tracklets fall by embedding (`herdbook.edge.drift.identities`)."""


class ClipDrift(Contract):
    """One of the device's own clips, read by the old release and by the new one."""

    clip: FileName
    camera_id: Slug
    seconds: _Seconds
    old: Reading
    new: Reading


class Drift(Contract):
    """Behaviour and identity on the device's own recent clips, old release against new."""

    old_release: Slug
    new_release: Slug
    clips: Annotated[tuple[ClipDrift, ...], Field(max_length=64)]
    unread: _Text | None = None
    """Why the old release could not read what is missing, if it failed: that stops no upgrade by itself."""


class Stage(StrEnum):
    """Where a device stands with its newest assignment."""

    IDLE = "idle"
    """It runs what it was assigned, or was assigned nothing yet."""
    FETCHING = "fetching"
    WAITING = "waiting"
    """Fetched; it waits for its maintenance window."""
    BUILDING = "building"
    PROVING = "proving"
    SWITCHING = "switching"
    FAILED = "failed"
    """It runs what it ran before; ``failure`` says why. It tries again only what could come right by itself."""


class Failure(Contract):
    """Why an assignment was not taken up."""

    stage: Stage
    error: Annotated[str, Field(max_length=63)]
    """Name of the error's class."""
    exit_code: int
    message: _Text
    remedy: _Text
    final: bool
    """Whether trying again is useless."""
    at: Instant


class DeviceReport(Contract):
    """``GET /v1/release`` of a device's agent."""

    format: Literal["herdbook-report/1"] = "herdbook-report/1"
    device_id: Slug
    hardware: Hardware
    stage: Stage
    assignment: Annotated[int, Field(ge=0)] = 0
    """Number of the newest assignment it has seen; 0: none."""
    desired: Slug | None = None
    actual: Slug
    """Release that records now."""
    actual_since: Instant | None = None
    serving: bool
    """Whether the engine of ``actual`` answers."""
    certificate: EngineCertificate | None = None
    """Of the newest assignment's engine, proved or refused."""
    drift: Drift | None = None
    failure: Failure | None = None
    built: tuple[File, ...] = ()
    """Plans that it built as a canary, offered to the platform by digest."""
    now: Instant
