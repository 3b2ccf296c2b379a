"""What ``maintain`` removes here: footage past its time, landed files that the lake holds, transfers given up."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from herdbook.contracts.landed_day import MARKER
from herdbook.ingest.folders import DayFolders
from herdbook.ledger.models import ClipState, DayState, DeviceDay, FootageClip
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


@dataclass(frozen=True)
class Removed:
    """How much was, or would be, removed."""

    clips: int
    footage_bytes: int
    landed_days: int
    abandoned_parts: int


def apply_retention(settings: Settings, today: date | None = None, *, dry_run: bool = False) -> Removed:
    """Remove footage of days older than ``footage_keep_days`` (its boxes too), landed files of days that were loaded
    more than ``landing_keep_days`` ago, and parts of transfers that nobody went on with within the lookback.

    Records stay in the lake, rejects in quarantine. Interrupted, it goes on with the next run.

    Args:
        today: stands for the current date, UTC.
        dry_run: count only.
    """
    today = today or datetime.now(UTC).date()
    clips, size = _expire_footage(settings, today - timedelta(days=settings.footage_keep_days), dry_run)
    landed = _remove_landed(settings, today - timedelta(days=settings.landing_keep_days), dry_run)
    parts = _remove_parts(settings, today - timedelta(days=settings.lookback_days + 1), dry_run)
    return Removed(clips, size, landed, parts)


def _expire_footage(settings: Settings, before: date, dry_run: bool) -> tuple[int, int]:
    folders = [folder for folder in _day_folders(settings.footage) if date.fromisoformat(folder.name) < before]
    with ledger_session(settings) as session:
        query = select(FootageClip).where(FootageClip.day < before, FootageClip.state == ClipState.KEPT)
        clips = list(session.scalars(query))
        if not dry_run:
            for clip in clips:
                clip.state, clip.path = ClipState.EXPIRED, None
                clip.reason = f"older than {settings.footage_keep_days} days"
    # The ledger first: footage it speaks of is there. A folder left behind by a crash is found again by its name.
    if not dry_run:
        for folder in folders:
            shutil.rmtree(folder)
    return len(clips), sum(clip.bytes for clip in clips)


def _remove_landed(settings: Settings, before: date, dry_run: bool) -> int:
    limit = datetime(before.year, before.month, before.day, tzinfo=UTC)
    with ledger_session(settings) as session:
        rows = list(session.scalars(select(DeviceDay).where(DeviceDay.updated_at < limit)))
    newest: dict[tuple[str, date], int] = defaultdict(int)
    for row in rows:
        if row.state is DayState.LOADED:
            newest[row.device_id, row.day] = max(newest[row.device_id, row.day], row.revision)
    removed = 0
    for row in rows:
        # A revision that never came so far goes, however far it came, once a higher one is loaded.
        superseded = row.revision < newest[row.device_id, row.day]
        done = row.state is DayState.LOADED and row.completed_at is not None
        folder = DayFolders(settings, row.device_id, row.day, row.revision).landing
        if (done or superseded) and folder.exists():
            removed += 1
            if not dry_run:
                (folder / MARKER).unlink(missing_ok=True)  # first: half a folder has not landed
                shutil.rmtree(folder)
    return removed


def _remove_parts(settings: Settings, before: date, dry_run: bool) -> int:
    limit = datetime(before.year, before.month, before.day, tzinfo=UTC).timestamp()
    parts = [
        part
        for area in (settings.landing, settings.footage)
        for part in area.glob("*/.parts/*")
        if part.stat().st_mtime < limit
    ]
    if not dry_run:
        for part in parts:
            part.unlink(missing_ok=True)
    return len(parts)


def _day_folders(area: Path) -> Iterator[Path]:
    """Folders ``<device>/<YYYY-MM-DD>``."""
    for folder in sorted(area.glob("*/????-??-??")):
        try:
            date.fromisoformat(folder.name)
        except ValueError:
            continue
        yield folder
