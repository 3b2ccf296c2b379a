"""The ledger's tables. Tokens are never here: they are files (`herdbook.ledger.devices.token_path`)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from herdbook.ledger.columns import UtcDateTime, choice, utc_now


class Base(DeclarativeBase):
    """Constraint names are spelled out, so that migrations can name them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class DayState(StrEnum):
    """How far a revision of a device day has come."""

    FETCHING = "fetching"
    """Under way, or interrupted: the next attempt continues."""
    LANDED = "landed"
    """Durable here, waiting for its load."""
    LOADED = "loaded"
    """In the lake."""
    QUARANTINED = "quarantined"
    """This revision cannot land: refused as a whole, or freed by the device; ``message`` says why."""


class ClipState(StrEnum):
    """What became of a clip."""

    KEPT = "kept"
    SKIPPED = "skipped"
    """Never fetched, or fetched and set aside; ``reason`` says why."""
    EXPIRED = "expired"
    """Removed by policy."""


DAY_MISSING = "DayMissing"
"""``Attempt.error`` where the device did not have the day: no fault, it may come later."""


class Device(Base):
    """The inventory: one edge device."""

    __tablename__ = "device"

    device_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    farm_id: Mapped[str] = mapped_column(String(63))
    url: Mapped[str] = mapped_column(String(255))
    timezone: Mapped[str] = mapped_column(String(63))
    ca_file: Mapped[str | None] = mapped_column(Text)
    """Certificate authority that signs the device's certificate; the system's where null."""
    enrolled_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DeviceHardware(Base):
    """A machine that was a device for a time. Rows are closed, not deleted: history outlives a swap."""

    __tablename__ = "device_hardware"

    device_id: Mapped[str] = mapped_column(ForeignKey("device.device_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    """Counts the device's machines, and their changes, from 1."""
    serial: Mapped[str] = mapped_column(String(127), default="")
    """Of the board; empty where it says none."""
    sku: Mapped[str] = mapped_column(String(63))
    memory_mib: Mapped[int]
    jetpack: Mapped[str | None] = mapped_column(String(31))
    tensorrt: Mapped[str | None] = mapped_column(String(31))
    cuda: Mapped[str | None] = mapped_column(String(31))
    valid_from: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    valid_to: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Null while it is so."""


class DeviceDay(Base):
    """One revision of one device day that we have seen a manifest of."""

    __tablename__ = "device_day"

    device_id: Mapped[str] = mapped_column(ForeignKey("device.device_id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[DayState] = mapped_column(choice(DayState, "state"))
    final: Mapped[bool]
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(Text)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When all we want of it, footage too, was durable here and the device knew. Until then later nights go on."""
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, onupdate=utc_now)


class Attempt(Base):
    """One try: of a device's night as a whole (``day`` null), or to fetch a day's records, its footage, or both."""

    __tablename__ = "attempt"
    __table_args__ = (Index(None, "device_id", "day"),)

    attempt_id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.device_id"))
    day: Mapped[date | None]
    revision: Mapped[int | None]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    """Bytes of files fetched for the day."""
    exit_code: Mapped[int]
    """Of the error that ended it (`herdbook.errors`); 0 is success."""
    error: Mapped[str | None] = mapped_column(String(63))
    """Name of its class, or `DAY_MISSING`."""
    message: Mapped[str | None] = mapped_column(Text)


class FootageClip(Base):
    """One clip that a device offered."""

    __tablename__ = "footage_clip"
    __table_args__ = (
        ForeignKeyConstraint(
            ["device_id", "day", "revision"], ["device_day.device_id", "device_day.day", "device_day.revision"]
        ),
        Index(None, "sha256"),
    )

    device_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(127), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    camera_id: Mapped[str] = mapped_column(String(63))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime)
    bytes: Mapped[int] = mapped_column(BigInteger)
    worth: Mapped[float]
    """What it was ranked by (`herdbook.ingest.worth`)."""
    path: Mapped[str | None] = mapped_column(Text)
    """Below the footage folder; null unless kept."""
    state: Mapped[ClipState] = mapped_column(choice(ClipState, "state"))
    reason: Mapped[str | None] = mapped_column(Text)


class QuarantineEntry(Base):
    """Rows of one file, or the file, that were set aside for one reason."""

    __tablename__ = "quarantine_entry"
    __table_args__ = (
        ForeignKeyConstraint(
            ["device_id", "day", "revision"], ["device_day.device_id", "device_day.day", "device_day.revision"]
        ),
        Index(None, "device_id", "day", "revision"),
    )

    entry_id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(String(63))
    day: Mapped[date]
    revision: Mapped[int]
    file: Mapped[str] = mapped_column(String(127))
    error: Mapped[str] = mapped_column(String(63))
    """Name of the error class."""
    exit_code: Mapped[int]
    message: Mapped[str] = mapped_column(Text)
    rows: Mapped[int | None] = mapped_column(BigInteger)
    """Rows set aside; null where it is the whole file."""
    path: Mapped[str] = mapped_column(Text)
    """Below the quarantine folder."""
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class PromotionAction(StrEnum):
    """What was decided."""

    PROMOTE = "promote"
    DEMOTE = "demote"
    """Back to the champion before."""


class Promotion(Base):
    """A decision about which version of a model is champion. Rows are added, never changed: triggers refuse it."""

    __tablename__ = "promotion"

    model: Mapped[str] = mapped_column(String(63), primary_key=True)
    """Name in the registry."""
    number: Mapped[int] = mapped_column(primary_key=True)
    """Counts the model's decisions from 1."""
    action: Mapped[PromotionAction] = mapped_column(choice(PromotionAction, "action"))
    from_version: Mapped[int | None]
    """Champion before; null where there was none."""
    to_version: Mapped[int | None]
    """Champion from then on; null where there is none."""
    decided_by: Mapped[str] = mapped_column(String(127))
    """Person or process."""
    reason: Mapped[str | None] = mapped_column(Text)
    evidence_sha256: Mapped[str | None] = mapped_column(String(64))
    """Digest of the challenger's evaluation."""
    verdict: Mapped[str | None] = mapped_column(Text)
    """JSON of every gate with its figure, bound and limit."""
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class ReviewReason(StrEnum):
    """Why a frame asks for a person."""

    OUTLINES = "outlines"
    """Student and teacher outline its animals differently."""
    IDENTITY = "identity"
    """An animal looks more like another than like the one that its track is claimed to be."""


class ReviewState(StrEnum):
    """What a person said."""

    OPEN = "open"
    ACCEPTED = "accepted"
    """One side is right; ``side`` says which."""
    CORRECTED = "corrected"
    """Neither is; a person drew what is."""
    DISCARDED = "discarded"
    """The frame teaches nothing."""


class ReviewItem(Base):
    """A frame in the review queue, once per reason and subject."""

    __tablename__ = "review_item"
    __table_args__ = (
        UniqueConstraint("device_id", "day", "clip", "frame", "reason", "subject"),
        Index(None, "state"),
    )

    item_id: Mapped[int] = mapped_column(primary_key=True)
    site: Mapped[str] = mapped_column(String(63))
    """The farm."""
    device_id: Mapped[str] = mapped_column(String(63))
    day: Mapped[date]
    clip: Mapped[str] = mapped_column(String(127))
    frame: Mapped[int]
    """In the clip, from 1."""
    reason: Mapped[ReviewReason] = mapped_column(choice(ReviewReason, "reason"))
    subject: Mapped[str] = mapped_column(String(191), default="")
    """Tracklet whose identity is in doubt; empty where it is about the whole frame."""
    score: Mapped[float]
    """How far both sides are apart, 0..1."""
    weight: Mapped[float] = mapped_column(default=1.0)
    """What automatic judges may say: how much it is worth looking at, 0..1. They decide nothing."""
    student: Mapped[str] = mapped_column(String(63))
    """Release of the one side."""
    teacher: Mapped[str] = mapped_column(String(127))
    """What the other side is."""
    detail: Mapped[str] = mapped_column(Text)
    """For people."""
    state: Mapped[ReviewState] = mapped_column(choice(ReviewState, "state"), default=ReviewState.OPEN)
    side: Mapped[str | None] = mapped_column(String(16))
    """The side that was accepted."""
    comment: Mapped[str | None] = mapped_column(Text)
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    decided_by: Mapped[str | None] = mapped_column(String(127))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Reread(Base):
    """What the teacher read again of a device day, for one student."""

    __tablename__ = "reread"

    device_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    student_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Digest of the student's engine."""
    teacher: Mapped[str] = mapped_column(String(127), primary_key=True)
    student: Mapped[str] = mapped_column(String(63))
    """Its release."""
    clips: Mapped[int]
    """Clips that were here, with the device's boxes."""
    frames: Mapped[int] = mapped_column(BigInteger)
    """Frames in them."""
    unsure: Mapped[int] = mapped_column(BigInteger)
    """Of those the frames that the device was unsure of."""
    reread: Mapped[int]
    """Of those the frames that the teacher read; a budget bounds them."""
    compared: Mapped[int]
    """Frames whose outlines were compared, sure ones too."""
    queued: Mapped[int]
    """Frames that this brought into the review queue."""
    finished_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    @property
    def share(self) -> float:
        """Frames that the device was unsure of, of all, 0..1."""
        return self.unsure / self.frames if self.frames else 0.0
