"""Where the demo keeps what it makes, and the guard that keeps it out of a real farm's records."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from herdbook.errors import ConfigurationError, NotInitialisedError, StorageError
from herdbook.lake.attach import open_lake
from herdbook.ledger.devices import active_devices
from herdbook.settings import Settings
from herdbook.simulate.plan import FarmPlan, LamenessPlan

PLAN = FarmPlan(days=3, pens=2, animals_per_pen=8, lameness=LamenessPlan(animals=4))
"""Two devices with a pen of eight pigs each for three days; four go lame, and the farm notices on the third."""


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
    def logs(self) -> Path:
        """Logs of background processes."""
        return self.root / "logs"

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

    @contextmanager
    def guarded(self, *, fresh: bool) -> Iterator[None]:
        """Refuse a home that holds anything but a demo, and keep other demos out of it; with ``fresh``, empty it.

        Raises:
            ConfigurationError: the stores are a real farm's, or may be.
            StorageError: another demo runs here.
        """
        settings = self.settings
        if settings.catalog or settings.data_path or settings.ledger_url:
            raise ConfigurationError(
                "the demo writes simulated animals, and HERDBOOK_CATALOG, HERDBOOK_DATA_PATH or HERDBOOK_LEDGER_URL "
                "name stores of your own",
                "Unset them for the demo.",
            )
        if not self.root.is_dir() and _holds_records(settings):
            raise ConfigurationError(
                f"{settings.home} holds records that are not the demo's",
                "Give the demo a folder of its own: HERDBOOK_HOME=/some/other/folder herdbook demo",
            )
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StorageError(
                    f"another demo runs in {settings.home}", "Wait for it, or stop it with Ctrl-C where it runs."
                ) from error
            if fresh:
                for child in settings.home.iterdir():
                    if child != self.root:
                        _remove(child)
                for child in self.root.iterdir():
                    if child.name != ".lock":
                        _remove(child)
            yield


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


def _holds_records(settings: Settings) -> bool:
    """Whether anything but an empty, freshly made installation is there."""
    if any(settings.landing.glob("*/*")):
        return True
    try:
        with open_lake(settings, read_only=True) as lake:
            row = lake.execute(
                "SELECT (SELECT count(*) FROM roster.farm) + (SELECT count(*) FROM record.device_day)"
            ).fetchone()
        return bool(row and row[0]) or bool(active_devices(settings))
    except NotInitialisedError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
