"""The ledger's tables of rollouts: what the fleet is to run, wave by wave, who decided it, and on what evidence."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from herdbook.ledger.columns import UtcDateTime, choice, utc_now
from herdbook.ledger.models import Base


class RolloutPhase(StrEnum):
    """Where a rollout stands."""

    RUNNING = "running"
    PAUSED = "paused"
    """By a person: nobody new is told; gates go on looking."""
    STOPPED = "stopped"
    """By a gate, for good."""
    ABORTED = "aborted"
    """By a person, for good."""
    DONE = "done"
    """Every wave passed; devices that were away still catch up."""


class WavePhase(StrEnum):
    """Where a wave stands."""

    PENDING = "pending"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


class MemberPhase(StrEnum):
    """Where a device stands in a rollout."""

    PENDING = "pending"
    """Its turn has not come."""
    AWAY = "away"
    """Its turn came while it did not answer: it is told when it does."""
    TOLD = "told"
    PROVED = "proved"
    """It records with the release and holds its certificate."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Pinned, retired, or the release is not for its kind."""
    LEAVING = "leaving"
    """Told to go back to its former release."""
    LEFT = "left"
    """It is back."""
    STUCK = "stuck"
    """It cannot be told to go back: its former release was never signed."""


class Rollout(Base):
    """One release's way through the fleet. Every change counts ``revision`` up: a decision made on an older one is not
    written."""

    __tablename__ = "rollout"

    rollout_id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(255), unique=True)
    """Whoever starts it again by this key gets this one."""
    release_id: Mapped[str] = mapped_column(String(63))
    phase: Mapped[RolloutPhase] = mapped_column(choice(RolloutPhase, "phase"))
    revision: Mapped[int] = mapped_column(default=1)
    policy: Mapped[str] = mapped_column(Text)
    """JSON, as it holds for this rollout whatever becomes of the file."""
    rolls_back: Mapped[bool]
    """Whether devices that took it up go back once it is stopped or aborted."""
    reason: Mapped[str] = mapped_column(Text, default="")
    """Why it stands where it does."""
    started_by: Mapped[str] = mapped_column(String(127))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RolloutWave(Base):
    """Devices that are told at once; wave 0 are the canaries."""

    __tablename__ = "rollout_wave"

    rollout_id: Mapped[int] = mapped_column(ForeignKey("rollout.rollout_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    phase: Mapped[WavePhase] = mapped_column(choice(WavePhase, "phase"), default=WavePhase.PENDING)
    began_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    evidence: Mapped[str] = mapped_column(Text, default="")
    """JSON of the gates' last word."""


class RolloutDevice(Base):
    """A device in a rollout."""

    __tablename__ = "rollout_device"
    __table_args__ = (
        ForeignKeyConstraint(["rollout_id", "wave"], ["rollout_wave.rollout_id", "rollout_wave.number"]),
        Index(None, "device_id"),
    )

    rollout_id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.device_id"), primary_key=True)
    wave: Mapped[int]
    canary: Mapped[bool]
    """Whether it builds the engine for its kind."""
    sku: Mapped[str] = mapped_column(String(63))
    """Empty until the device has said it."""
    engine_key: Mapped[str] = mapped_column(String(255))
    former: Mapped[str | None] = mapped_column(String(63))
    """The release that it goes back to."""
    phase: Mapped[MemberPhase] = mapped_column(choice(MemberPhase, "phase"))
    reason: Mapped[str] = mapped_column(Text, default="")
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When its newest instruction was decided."""
    signed: Mapped[int | None]
    """Number of that instruction's assignment; null until it is signed."""
    nudged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    proved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    well_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was last seen to record with the release."""
    missed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when it does not answer, or not well, though asked."""
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    drift: Mapped[str | None] = mapped_column(Text)
    """JSON of `herdbook.contracts.activation.Drift`."""


class RolloutEvent(Base):
    """What was decided, by whom, on what evidence. Rows are added, never changed: triggers refuse it."""

    __tablename__ = "rollout_event"
    __table_args__ = (Index(None, "rollout_id"),)

    event_id: Mapped[int] = mapped_column(primary_key=True)
    rollout_id: Mapped[int] = mapped_column(ForeignKey("rollout.rollout_id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(127))
    """A person, or ``herdbook``."""
    what: Mapped[str] = mapped_column(String(31))
    wave: Mapped[int | None]
    device_id: Mapped[str | None] = mapped_column(String(63))
    said: Mapped[str] = mapped_column(Text)
    """For people."""
    evidence: Mapped[str] = mapped_column(Text)
    """JSON."""


class DevicePin(Base):
    """A release that a person fixed for a device: rollouts pass it by."""

    __tablename__ = "device_pin"

    device_id: Mapped[str] = mapped_column(ForeignKey("device.device_id"), primary_key=True)
    release_id: Mapped[str] = mapped_column(String(63))
    by: Mapped[str] = mapped_column(String(127))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    signed: Mapped[int | None]
    """Number of its assignment; null until it is signed."""


class DeviceSeen(Base):
    """What a device was last told to run, and what it last said of itself."""

    __tablename__ = "device_seen"

    device_id: Mapped[str] = mapped_column(ForeignKey("device.device_id"), primary_key=True)
    desired: Mapped[str | None] = mapped_column(String(63))
    """Release of the newest assignment that was signed for it."""
    number: Mapped[int | None]
    """Number of that assignment."""
    actual: Mapped[str | None] = mapped_column(String(63))
    stage: Mapped[str | None] = mapped_column(String(16))
    serving: Mapped[bool | None]
    sku: Mapped[str | None] = mapped_column(String(63))
    engine_key: Mapped[str | None] = mapped_column(String(255))
    certificate: Mapped[str | None] = mapped_column(Text)
    """JSON of `herdbook.contracts.activation.EngineCertificate`."""
    said: Mapped[str] = mapped_column(Text, default="")
    """Its failure, or why it did not answer."""
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it last answered."""
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
