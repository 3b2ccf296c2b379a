"""Whose a backup is: several homes may write theirs into one folder, and none removes another's."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from herdbook.backup.manifest import MANIFEST, read_manifest
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import BackupUnusableError
from herdbook.lake.lockfile import held
from herdbook.settings import Settings


def installation(settings: Settings) -> str:
    """This home's own name: random, made at its first backup, and brought back by a restore.

    Raises:
        LakeBusyError: another process was naming it for 10 s.
    """
    lock = make_folder(settings.home) / ".installation.lock"
    with held(lock, time.monotonic() + 10, "another process named this home"):
        if (name := known(settings)) is None:
            take_over(settings, name := secrets.token_hex(16))
        return name


def known(settings: Settings) -> str | None:
    """Its name, if it has one yet."""
    try:
        return _file(settings).read_text()
    except FileNotFoundError:
        return None


def take_over(settings: Settings, name: str) -> None:
    """Let this home be the one of that name: it is restored from its backup."""
    write_durably(_file(settings), name.encode())


def backups(settings: Settings, place: Path | None = None) -> list[Path]:
    """Complete backups of this home, oldest first: neither another's, nor those made before homes had names."""
    ours = known(settings)
    found = sorted((place or settings.backups).glob(f"[0-9]*T*Z/{MANIFEST}"))
    return [] if ours is None else [path.parent for path in found if _whose(path.parent) == ours]


def _whose(folder: Path) -> str | None:
    try:
        return read_manifest(folder).installation
    except BackupUnusableError:
        return None


def _file(settings: Settings) -> Path:
    return settings.home / "installation"
