"""Back up the lake as it is at one moment, the ledger as it is right after, and the releases.

The catalog is copied first and alone says what the lake holds; every file that it names is there then. So does
``timestamp.json`` of the signed repository. Files of both never change once written, so a backup on the same disk links
them: it costs little and survives our own clean-up. To survive the disk, copy the finished folder elsewhere. Secrets,
footage and the registry of models are not in it.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from herdbook.contracts.durable import disk_full_is_said, fsync_path, make_folder, write_durably
from herdbook.errors import MissingDependencyError, StorageError
from herdbook.lake.attach import parse_catalog, redact
from herdbook.lake.transaction import writers_kept_out
from herdbook.settings import Settings

KEEP = 7
"""Backups that stay; older ones are removed when a new one is complete."""

_STAMP = "%Y%m%dT%H%M%SZ"
_TIMESTAMP = Path("repository", "metadata", "timestamp.json")
"""Below ``releases``: names the state of the signed repository (`herdbook.fleet.trust.store`), like a catalog."""


def backup(settings: Settings, *, keep: int = KEEP, progress: Callable[[int], None] | None = None) -> Path:
    """Write ``settings.backups/<UTC time>/`` with the catalog, the lake's data, the ledger and the releases.

    Args:
        settings: where everything is.
        keep: how many backups stay, this one included; at least 1.
        progress: told the number of files done so far.

    Returns:
        The folder. It appears under its name when it is complete.

    Raises:
        StorageError: a store cannot be copied; what was there before stays.
        DiskFullError: there is no room.
        MissingDependencyError: PostgreSQL's ``pg_dump`` is not installed.
    """
    settings.backups.mkdir(parents=True, exist_ok=True)
    for left in settings.backups.glob(".*.part"):  # of a backup that was killed
        shutil.rmtree(left)
    stamp = datetime.now(UTC).strftime(_STAMP)
    part = settings.backups / f".{stamp}.part"
    part.mkdir()
    with disk_full_is_said(part), writers_kept_out(settings):
        _copy_catalog(settings, part)
        done = _copy_data(settings, part / "data", progress)
        _copy_ledger(settings, part)
    with disk_full_is_said(part):
        _copy_releases(settings, part / "releases", lambda files: progress and progress(done + files))
    write_durably(part / "README.txt", _README.encode())
    fsync_path(part)
    final = settings.backups / stamp
    while final.exists():  # two within one second
        time.sleep(0.2)
        final = settings.backups / datetime.now(UTC).strftime(_STAMP)
    part.rename(final)
    fsync_path(settings.backups)
    for old in backups(settings)[: -max(keep, 1)]:
        shutil.rmtree(old)
    return final


def backups(settings: Settings) -> list[Path]:
    """Complete backups, oldest first."""
    return sorted(f for f in settings.backups.glob("[0-9]*T*Z") if f.is_dir())


def _copy_catalog(settings: Settings, target: Path) -> None:
    catalog = parse_catalog(settings)
    if catalog.file is not None:
        copy_sqlite(catalog.file, target / "catalog.sqlite")
    else:
        _dump_postgres(catalog.target, target / "catalog.dump")


def _copy_ledger(settings: Settings, target: Path) -> None:
    url = settings.ledger_database_url
    if url.startswith("sqlite:///"):
        file = Path(url.removeprefix("sqlite:///"))
        if file.is_file():  # an installation may have a lake and no device yet
            copy_sqlite(file, target / "ledger.sqlite")
    else:
        _dump_postgres("postgresql" + url[url.index("://") :], target / "ledger.dump")


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite file that others may be writing.

    Raises:
        StorageError: it is not a SQLite file, or cannot be read.
    """
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=60)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    except sqlite3.Error as error:
        raise StorageError(f"{source} cannot be copied: {error}") from error
    fsync_path(target)


def _dump_postgres(dsn: str, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise MissingDependencyError(
            "pg_dump is not installed, and the backup needs it",
            "Install PostgreSQL's client programs of the server's version or newer.",
        )
    command = [program, "--format=custom", f"--file={target}", f"--dbname={dsn}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own settings
    if done.returncode != 0:
        raise StorageError(f"pg_dump failed: {redact(done.stderr.strip())}", "Follow what pg_dump says.")
    fsync_path(target)


def _copy_data(settings: Settings, target: Path, progress: Callable[[int], object] | None) -> int:
    if "://" in settings.lake_data_path:
        target.mkdir()
        note = f"The lake's files stay in {settings.lake_data_path}; keep them with the store's own versioning.\n"
        write_durably(target / "README.txt", note.encode())
        return 0
    return _link_tree(Path(settings.lake_data_path), target, progress)


def _copy_releases(settings: Settings, target: Path, progress: Callable[[int], object]) -> None:
    """Without it devices refuse what a repository made anew says: they have seen newer metadata."""
    if not settings.releases.is_dir():
        return
    if (settings.releases / _TIMESTAMP).is_file():  # before what it names, which is there by now
        make_folder((target / _TIMESTAMP).parent)
        _link(settings.releases / _TIMESTAMP, target / _TIMESTAMP)
    _link_tree(settings.releases, target, progress)


def _link_tree(source: Path, target: Path, progress: Callable[[int], object] | None) -> int:
    """Link every file that is not there yet; how many files."""
    done = 0
    for name, _, files in os.walk(source):
        here = target / Path(name).relative_to(source)
        here.mkdir(exist_ok=True)
        for file in files:
            with suppress(FileNotFoundError):  # of a load that was rolled back: the catalog does not name it
                _link(Path(name, file), here / file)
            done += 1
            if progress is not None:
                progress(done)
        fsync_path(here)
    return done


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except FileExistsError:
        pass  # as it was a moment ago
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        shutil.copyfile(source, target)
        fsync_path(target)


_README = """A backup of a Herdbook: the lake, catalog and data, as it was at one moment, the ledger as it was right
after, and the releases with their signed repository. The next night makes the ledger agree with the lake.
To look into it, point HERDBOOK_CATALOG, HERDBOOK_DATA_PATH and HERDBOOK_LEDGER_URL at a copy of these files.
Not in it: tokens and signing keys (secrets/), footage, the registry of models, and the published herd.duckdb, which
`herdbook publish` writes anew.
"""
