"""Footage that a dataset may draw from: clips with the animals that may be in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from herdbook.learning.datasets.plan import Split


@dataclass(frozen=True)
class Clip:
    """One clip on disk."""

    site: str
    """The farm."""
    device_id: str
    camera_id: str
    day: date
    """Farm-local."""
    name: str
    path: Path
    sha256: str
    started_at: datetime
    ended_at: datetime
    animals: frozenset[str]
    """Every animal that may be in it: by its pen's stays and by claims, or a stand-in for an unknown pen's animals."""
    boxes: Path | None = field(default=None, compare=False)
    """Folder with the device's own boxes of it (`contracts.records.BOXES_SCHEMA`)."""
    camera: str | None = field(default=None, compare=False)
    """`contracts.camera.Camera` as JSON: zones and calibration, where known."""
    split: Split | None = None
    """The side it must be on, where its source fixes that."""

    @property
    def key(self) -> tuple[str, date, str]:
        """What names a clip everywhere: device, day, file name."""
        return self.device_id, self.day, self.name

    @property
    def farm_day(self) -> str:
        """The day of its farm: days of different farms share nothing."""
        return f"{self.site}/{self.day.isoformat()}"
