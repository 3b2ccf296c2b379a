"""Clips by name and time: ``<anything>_<YYYYMMDDTHHMMSSZ>.mp4`` starts at that instant of UTC.

The seconds may have a fraction: ``pen-1_20260601T120000.250Z.mp4``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".ts")
_STAMP = re.compile(r"_(\d{8}T\d{6})(?:\.(\d{1,6}))?Z$")


@dataclass(frozen=True)
class SourceClip:
    """A file of footage and the instant of its first frame."""

    path: Path
    start: datetime

    def fingerprint(self) -> tuple[str, str, int, int]:
        """What tells whether it changed: name, start, bytes, modification time in nanoseconds."""
        status = self.path.stat()
        return self.path.name, self.start.isoformat(), status.st_size, status.st_mtime_ns


def start_from_name(path: Path) -> datetime | None:
    """The start that a clip's name says, or none."""
    found = _STAMP.search(path.stem)
    try:
        if not found:
            return None
        whole = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return whole + timedelta(microseconds=int((found[2] or "0").ljust(6, "0")))


def clip_name(camera_id: str, start: datetime, suffix: str = ".mp4") -> str:
    """The name of a clip that starts at an instant, to the millisecond."""
    fraction = f".{start.microsecond // 1000:03}" if start.microsecond >= 1000 else ""
    return f"{camera_id}_{start.astimezone(UTC):%Y%m%dT%H%M%S}{fraction}Z{suffix}"


def clips_in_folder(folder: Path) -> list[SourceClip]:
    """The folder's clips in the order of time; files whose names say no start are none."""
    found = []
    for path in folder.iterdir():
        if path.suffix.lower() in SUFFIXES and path.is_file():
            start = start_from_name(path)
            if start is not None:
                found.append(SourceClip(path, start))
    return sorted(found, key=lambda clip: (clip.start, clip.path.name))


def snap(start: datetime, previous_end: datetime | None) -> datetime:
    """A clip's start, or the end of the one before where they differ by no more than the second that names resolve."""
    if previous_end is not None and abs(start - previous_end) <= timedelta(seconds=1):
        return previous_end
    return start
