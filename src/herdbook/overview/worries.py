"""What a person should be told of: missed days, silent devices, a full disk, drift."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import StrEnum
from statistics import median

from sqlalchemy import select

from herdbook.ledger.models import Reread
from herdbook.ledger.rollouts import Rollout, RolloutPhase
from herdbook.ledger.session import ledger_session
from herdbook.overview.nights import Night, Standing, last_nights
from herdbook.settings import Settings

LOW_DISK_BYTES = 5_000_000_000
"""Below this a night of footage may not fit."""
DRIFT_RATIO, DRIFT_SHARE, DRIFT_DAYS = 2.0, 0.1, 7
"""A device drifts where it is unsure of at least twice the share of frames of its last days, and of a tenth."""


class Cause(StrEnum):
    """Why somebody is told; what belongs to one cause is told at once."""

    MISSED = "missed day"
    SILENT = "silent device"
    DISK = "disk"
    DRIFT = "drift"


def worries(settings: Settings) -> dict[str, dict[str, str]]:
    """What is amiss now: by cause, every subject with what is said of it. Causes without a subject are well.

    Raises:
        NotInitialisedError: there is no ledger.
    """
    found: dict[str, dict[str, str]] = {cause.value: {} for cause in Cause}
    nights = last_nights(settings, settings.lookback_days + 1)
    for cause, subject, said in (*_nights(nights), *_disk(settings), *_drift(settings)):
        found[cause.value][subject] = said
    return found


def _nights(nights: list[Night]) -> Iterator[tuple[Cause, str, str]]:
    newest = max((night.day for night in nights), default=None)
    for night in nights:
        if night.standing is Standing.SILENT and night.day == newest:
            yield Cause.SILENT, night.device, night.why
        elif night.standing in (Standing.MISSING, Standing.REFUSED, Standing.UNKNOWN, Standing.SILENT):
            yield Cause.MISSED, f"{night.device} {night.day}", night.why or night.standing.value


def _disk(settings: Settings) -> Iterator[tuple[Cause, str, str]]:
    if settings.backup_folder is not None and not settings.backups.is_dir():
        yield Cause.DISK, str(settings.backups), "it is not there, and backups are to go there"
    for place in {settings.home, settings.backups if settings.backups.is_dir() else settings.home}:
        free = shutil.disk_usage(place).free
        if free < LOW_DISK_BYTES:
            yield Cause.DISK, str(place), f"{free / 1e9:.1f} GB free, {LOW_DISK_BYTES / 1e9:.0f} are wanted for a night"


def _drift(settings: Settings) -> Iterator[tuple[Cause, str, str]]:
    shares: defaultdict[str, list[float]] = defaultdict(list)
    with ledger_session(settings) as session:
        rollout = session.scalar(select(Rollout).order_by(Rollout.rollout_id.desc()).limit(1))
        for read in session.scalars(select(Reread).order_by(Reread.day)):
            shares[read.device_id].append(read.share)
    if rollout is not None and rollout.phase == RolloutPhase.STOPPED and "drift" in rollout.reason:
        yield Cause.DRIFT, f"rollout of {rollout.release_id}", rollout.reason
    for device, of_days in shares.items():
        *before, now = of_days[-DRIFT_DAYS - 1 :]
        if len(before) >= DRIFT_DAYS and now >= max(DRIFT_SHARE, DRIFT_RATIO * median(before)):
            said = f"unsure of {now:.0%} of its frames, of {median(before):.0%} on the {len(before)} days before"
            yield Cause.DRIFT, device, said


def as_rows(found: Mapping[str, Mapping[str, str]]) -> list[dict[str, str]]:
    """Worries as rows for people: cause, subject, what is said."""
    return [{"cause": c, "subject": s, "said": said} for c, subjects in found.items() for s, said in subjects.items()]
