"""Where a device day lies here."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from herdbook.errors import DiskFullError
from herdbook.settings import Settings


@dataclass(frozen=True)
class DayFolders:
    """All places of one revision of one device day. The names are safe: they passed `contracts.identifiers`."""

    settings: Settings
    device_id: str
    day: date
    revision: int

    @property
    def key(self) -> tuple[str, date, int]:
        """Primary key of the day in the ledger."""
        return self.device_id, self.day, self.revision

    @property
    def _below(self) -> Path:
        return Path(self.device_id, self.day.isoformat(), f"r{self.revision}")

    @property
    def landing(self) -> Path:
        """See `contracts.landed_day`."""
        return self.settings.landing / self._below

    @property
    def files(self) -> Path:
        """Record files as the device sent them."""
        return self.landing / "files"

    @property
    def clean(self) -> Path:
        """Record files that lost rows."""
        return self.landing / "clean"

    @property
    def footage(self) -> Path:
        """Clips and their boxes."""
        return self.settings.footage / self._below

    @property
    def quarantine(self) -> Path:
        """What was set aside."""
        return self.settings.quarantine / self._below

    def sweep(self) -> None:
        """Remove what writers left that were killed before renaming. The caller holds the device's lock."""
        for folder in (self.landing, self.clean, self.quarantine, self.footage):
            for part in folder.glob(".*.part"):
                part.unlink()

    @property
    def record_parts(self) -> Path:
        """Record files under way; any revision's, so that a re-issued day goes on where the old one stopped."""
        return self.settings.landing / self.device_id / ".parts"

    @property
    def footage_parts(self) -> Path:
        """Footage under way."""
        return self.settings.footage / self.device_id / ".parts"


def require_space(folder: Path, needed: int) -> None:
    """Check before a transfer that it can end well.

    Raises:
        DiskFullError: fewer bytes are free than are needed.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DiskFullError(f"{folder} has {free / 1e6:.1f} MB free, {needed / 1e6:.1f} MB are still to be fetched")
