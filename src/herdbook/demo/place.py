"""Where the demo keeps what it makes, and what it makes: a plan, and a camera of the user's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from herdbook.settings import Settings
from herdbook.simulate.plan import FarmPlan, LamenessPlan

PLAN = FarmPlan(days=3, pens=2, animals_per_pen=8, lameness=LamenessPlan(animals=4))
"""Two devices with a pen of eight pigs each for three days; four go lame, and the farm notices on the third."""

SUITE = "demo-2"
"""Other farms, which the demo's student learns from and is judged by."""


@dataclass(frozen=True)
class Place:
    """Folders below ``$HERDBOOK_HOME``."""

    settings: Settings

    @property
    def root(self) -> Path:
        """All that is the demo's own."""
        return self.settings.home / "demo"

    @property
    def farm(self) -> Path:
        """The simulated farm."""
        return self.root / "farm"

    @property
    def lessons(self) -> Path:
        """Farms of the suite that the student learns from."""
        return self.root / "lessons"

    @property
    def scenes(self) -> Path:
        """Farms of the suite that it is judged by, and never learns from."""
        return self.root / "scenes"

    @property
    def logs(self) -> Path:
        """Logs of background processes."""
        return self.root / "logs"

    @property
    def policy(self) -> Path:
        """What is the demo's own of the policy of rollouts."""
        return self.root / "policy.yaml"

    @property
    def passphrase(self) -> Path:
        """Of the offline signing keys."""
        return self.root / "passphrase"

    @property
    def trust_root(self) -> Path:
        """What devices are given to tell what is signed."""
        return self.root / "root.json"

    @property
    def airflow(self) -> Path:
        """Airflow's own state."""
        return self.settings.home / "airflow"

    @property
    def done(self) -> Path:
        """Which steps earlier runs finished."""
        return self.root / "done.json"

    def device(self, device_id: str) -> Path:
        """A simulated device's folder."""
        return self.farm / "devices" / device_id

    def footage(self, device_id: str, day: date = PLAN.start_day) -> Path:
        """What the platform fetched of a device's day: clips, and boxes beside them."""
        revisions = self.settings.footage / device_id / day.isoformat()
        return max(revisions.glob("r*"), key=lambda folder: int(folder.name[1:]))


@dataclass(frozen=True)
class OwnCamera:
    """A video file as the camera of one more device. Another file, or another version of it, is another device."""

    video: Path

    @property
    def mark(self) -> str:
        """Tells this file's content from others."""
        stat = self.video.stat()
        return hashlib.sha256(f"{self.video.absolute()} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:6]

    @property
    def device_id(self) -> str:
        """The device's name."""
        return f"own-camera-{self.mark}"

    @property
    def pen_id(self) -> str:
        """What it looks at."""
        return f"own-pen-{self.mark}"

    @property
    def camera_id(self) -> str:
        """As `herdbook edge record --video` names it."""
        return f"{self.pen_id}-cam-1"
