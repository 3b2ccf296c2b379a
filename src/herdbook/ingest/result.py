"""What an ingest tells its caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from herdbook.errors import HerdbookError


class IngestState(StrEnum):
    """How one device day fared in this attempt."""

    LANDED = "landed"
    """Its records are durable here, and so is the chosen footage unless ``findings`` say otherwise."""
    UNCHANGED = "unchanged"
    """All of it was here already."""
    QUARANTINED = "quarantined"
    """Refused as a whole; the device keeps it."""
    FAILED = "failed"
    """Not all of it could be fetched; a later attempt continues."""
    MISSING = "missing"
    """The device does not have it, or not yet."""


@dataclass(frozen=True)
class Finding:
    """Something wrong with a day. ``rows`` is none where the whole file, or the day, is meant."""

    error: type[HerdbookError]
    file: str | None
    rows: int | None
    message: str
    remedy: str | None = None
    """What to do, where the error's own remedy does not fit."""

    def as_error(self) -> HerdbookError:
        """The finding as an error to raise or print."""
        return self.error(self.message, self.remedy)


@dataclass(frozen=True)
class IngestResult:
    """One device day, one attempt. ``bytes`` were fetched in it; ``folder`` is where the records landed."""

    device_id: str
    day: date
    revision: int | None
    state: IngestState
    folder: Path | None = None
    findings: tuple[Finding, ...] = ()
    clips_kept: int = 0
    clips_skipped: int = 0
    bytes: int = 0


class Progress(Protocol):
    """Told now and then, from several threads, how far a transfer is."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """``done`` of ``total`` bytes of ``what``, for example ``barn-a-1 2026-03-02 footage``."""


def no_progress(what: str, done: int, total: int) -> None:
    """Tell nobody."""
