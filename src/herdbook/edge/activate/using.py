"""What recorders use, told from process to process through files in ``<root>/releases/using``.

Each recorder writes which taking up of a release each of its cameras uses, and holds a lock on a file of its own: the
kernel lets go of it when the recorder ends, however it ends. Whoever changes what runs asks recorders to let go of
their engines with ``pause``, which counts only while its author holds its lock.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import Field, ValidationError

from herdbook.contracts.camera import Contract
from herdbook.contracts.durable import disk_full_is_said, make_folder
from herdbook.edge.locks import in_use

DEVICE_YAML = 0
"""Stands for the engine of device.yaml where versions are told."""
_FOLDER = "using"
_PAUSE = "pause"
_POLL_S = 0.1


class Use(Contract):
    """What one recorder says."""

    cameras: dict[str, int] = Field(default_factory=dict)
    """Version of the release that each camera uses (`Installed.version`); absent: it has no engine now."""
    refused: tuple[int, ...] = ()
    """Versions that it could not open."""


class Announcement:
    """A recorder's own file, while the recorder lives. Threads of cameras share it.

    Whatever writes it raises `DiskFullError` where no space is left.
    """

    def __init__(self, root: Path) -> None:
        folder = make_folder(root / "releases" / _FOLDER)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._path, self._lock_path = folder / f"{name}.json", folder / f"{name}.lock"
        fresh = folder / f"{name}.new"  # under its own name only once it is locked: unlocked it would be a dead one's
        with disk_full_is_said(fresh):
            self._lock_file = os.open(fresh, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock_file, fcntl.LOCK_EX)
        fresh.rename(self._lock_path)
        self._mutex = threading.Lock()
        self._use = Use()

    def says(self, camera_id: str, version: int | None) -> None:
        """A camera uses a version from now on; none: no engine at all."""
        with self._mutex:
            cameras = {key: value for key, value in self._use.cameras.items() if key != camera_id}
            if version is not None:
                cameras[camera_id] = version
            self._write(self._use.model_copy(update={"cameras": cameras}))

    def refuses(self, version: int) -> None:
        """A version cannot be opened here."""
        with self._mutex:
            self._write(self._use.model_copy(update={"refused": (*self._use.refused, version)}))

    def close(self) -> None:
        """The recorder ends."""
        with self._mutex:
            for path in (self._path, self._lock_path):
                path.unlink(missing_ok=True)
            os.close(self._lock_file)

    def _write(self, use: Use) -> None:
        part = self._path.with_suffix(".part")
        with disk_full_is_said(part):
            part.write_text(use.model_dump_json(), encoding="utf-8")
        part.replace(self._path)  # not flushed: after a power cut no recorder lives
        self._use = use


def uses(root: Path) -> list[Use]:
    """What every living recorder says; files of dead ones go."""
    found = []
    for lock in (root / "releases" / _FOLDER).glob("*.lock"):
        path = lock.with_suffix(".json")
        with suppress(FileNotFoundError):
            with in_use(lock) as dead:
                if dead:
                    for gone in (path, path.with_suffix(".part"), lock):
                        gone.unlink(missing_ok=True)
                    continue
            try:
                found.append(Use.model_validate_json(path.read_bytes()))
            except (FileNotFoundError, ValidationError):
                found.append(Use())
    return found


@contextmanager
def paused(root: Path) -> Iterator[None]:
    """Ask recorders to have no engine while the block runs."""
    path = make_folder(root / "releases" / _FOLDER) / _PAUSE
    path.touch()
    with in_use(path, wait=True):  # others look for moments
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def is_paused(root: Path) -> bool:
    """Whether engines are asked to go. A request whose author is dead is none."""
    path = root / "releases" / _FOLDER / _PAUSE
    try:
        with in_use(path, look=True) as abandoned:
            return not abandoned
    except FileNotFoundError:
        return False


def wait_until(holds: Callable[[], bool], patience_s: float) -> bool:
    """Wait for something that other processes do; whether it came to hold."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
