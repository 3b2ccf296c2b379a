"""Publish the herd: a read-only DuckDB file that any stock DuckDB opens, put in place atomically.

It is written beside the old one, flushed and renamed over it: who has the old file open goes on reading it. Days that
did not change are taken from the old file, unless anybody touched it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from herdbook.contracts.durable import disk_full_is_said, replace_durably, write_durably
from herdbook.errors import InputError, StorageError
from herdbook.lake import herd_file
from herdbook.lake.attach import open_lake, quoted
from herdbook.lake.lockfile import held
from herdbook.lake.migrate import migrate
from herdbook.lake.published import wal_of
from herdbook.settings import Settings


def publish(settings: Settings, progress: herd_file.Progress | None = None, *, snapshot: int | None = None) -> Path:
    """Bring ``settings.published`` up to the lake; days that did not change since are taken from the old file.

    Args:
        settings: where lake and file are.
        progress: told how many days are done, of how many.
        snapshot: the state of the lake to publish; the latest when omitted.

    Returns:
        Its path.

    Raises:
        NotInitialisedError: there is no lake.
        LakeBusyError: another process kept publishing.
        DiskFullError: there is no room for the new file; the old one stays.
        StorageError: the lake cannot be read; the old file stays.
    """
    target = settings.published
    if snapshot is None:
        migrate(settings, create=False)  # a setting may have changed since the views were made
    with held(target.with_name(f".{target.name}.lock"), time.monotonic() + settings.lake_wait_s, _PUBLISHING):
        for left in target.parent.glob(f".{target.name}.part*"):  # of a publication that was killed
            left.unlink()
        part = _part(target)
        with _cleared_away(part):
            _take_over(target, part, herd_file.digest(settings, embeddings=settings.publish_embeddings))
            _write(settings, part, embeddings=settings.publish_embeddings, snapshot=snapshot, progress=progress)
            part.chmod(0o444)
            write_durably(_seal_file(target), _seal(part).encode())
            wal_of(target).unlink(missing_ok=True)  # DuckDB would apply it to the new file
            replace_durably(part, target)
    return target


def export(
    settings: Settings, target: Path, *, embeddings: bool = False, progress: herd_file.Progress | None = None
) -> Path:
    """Write what `publish` would to another file, from nothing. It is its owner's to change.

    Raises:
        InputError: the file is there already, or its folder is not.
    """
    if target.exists():
        raise InputError(f"{target} is there already", "Name a file that is not, or remove it first.")
    if not target.parent.is_dir():
        raise InputError(f"there is no folder {target.parent}", "Make it first, or name another.")
    part = _part(target)
    part.unlink(missing_ok=True)
    with _cleared_away(part):
        _write(settings, part, embeddings=embeddings, snapshot=None, progress=progress)
        replace_durably(part, target)
    return target


def _write(
    settings: Settings, part: Path, *, embeddings: bool, snapshot: int | None, progress: herd_file.Progress | None
) -> None:
    try:
        with open_lake(settings, read_only=True, alone=True, snapshot=snapshot) as connection:
            fresh = not part.exists()
            connection.execute(f"ATTACH {quoted(str(part))} AS herd")
            herd_file.fill(connection, settings, embeddings=embeddings, fresh=fresh, progress=progress)
            connection.execute("CHECKPOINT herd")
            connection.execute("USE lake")
            connection.execute("DETACH herd")
    except duckdb.Error as error:
        message = str(error)
        with disk_full_is_said(part):
            if "No space left" in message or "quota" in message.lower():
                raise OSError(28, message) from error
        raise StorageError(f"the herd could not be written: {message}") from error


def _take_over(target: Path, part: Path, digest: str) -> None:
    """Start from the published file, if nobody touched it since and it was made by the same definitions."""
    if not _untouched(target) or not _same_kind(target, digest):
        return
    with disk_full_is_said(part):
        shutil.copyfile(target, part)
    if not _untouched(target):  # while it was copied
        part.unlink()


def _untouched(target: Path) -> bool:
    try:
        return _seal_file(target).read_text(encoding="utf-8") == _seal(target) and not wal_of(target).exists()
    except OSError:
        return False


def _seal(file: Path) -> str:
    """What changes when a file is written to or replaced."""
    stat = file.stat()
    return f"{stat.st_ino} {stat.st_size} {stat.st_mtime_ns}\n"


def _same_kind(target: Path, digest: str) -> bool:
    """Whether the published file was made by the same definitions, so that its days may be kept."""
    try:
        with duckdb.connect(str(target), read_only=True) as herd:
            return herd.execute("SELECT digest FROM published").fetchone() == (digest,)
    except duckdb.Error:
        return False


@contextmanager
def _cleared_away(part: Path) -> Iterator[None]:
    """Leave nothing half written behind."""
    try:
        yield
    finally:
        for left in (part, wal_of(part)):
            left.unlink(missing_ok=True)


def _part(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def _seal_file(target: Path) -> Path:
    return target.with_name(f".{target.name}.seal")


_PUBLISHING = "another process kept publishing the herd"
