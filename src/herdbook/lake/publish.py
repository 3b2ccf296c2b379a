"""Publish the herd: a read-only DuckDB file that any stock DuckDB opens, put in place atomically.

It is written beside the old one, flushed and renamed over it: who has the old file open goes on reading it.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import duckdb

from herdbook.contracts.durable import disk_full_is_said, replace_durably
from herdbook.errors import InputError, StorageError
from herdbook.lake import herd_file
from herdbook.lake.attach import open_lake, quoted
from herdbook.lake.lockfile import held
from herdbook.lake.migrate import migrate
from herdbook.settings import Settings


def publish(settings: Settings, progress: herd_file.Progress | None = None) -> Path:
    """Bring ``settings.published`` up to the lake; days that did not change since are taken from the old file.

    Returns:
        Its path.

    Raises:
        NotInitialisedError: there is no lake.
        LakeBusyError: another process kept publishing.
        DiskFullError: there is no room for the new file; the old one stays.
        StorageError: the lake cannot be read; the old file stays.
    """
    target = settings.published
    embeddings = settings.publish_embeddings
    migrate(settings, create=False)  # a setting may have changed since the views were made
    with held(target.with_name(f".{target.name}.lock"), time.monotonic() + settings.lake_wait_s, _PUBLISHING):
        for left in target.parent.glob(f".{target.name}.part*"):  # of a publication that was killed
            left.unlink()
        part = target.with_name(f".{target.name}.part")
        if _same_kind(target, herd_file.digest(settings, embeddings=embeddings)):
            with disk_full_is_said(part):
                shutil.copyfile(target, part)
        _write(settings, part, target, embeddings=embeddings, progress=progress)
    return target


def export(
    settings: Settings, target: Path, *, embeddings: bool = False, progress: herd_file.Progress | None = None
) -> Path:
    """Write what `publish` would to another file, from nothing.

    Raises:
        InputError: the file is there already, or its folder is not.
    """
    if target.exists():
        raise InputError(f"{target} is there already", "Name a file that is not, or remove it first.")
    if not target.parent.is_dir():
        raise InputError(f"there is no folder {target.parent}", "Make it first, or name another.")
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    _write(settings, part, target, embeddings=embeddings, progress=progress)
    return target


def _write(
    settings: Settings, part: Path, target: Path, *, embeddings: bool, progress: herd_file.Progress | None
) -> None:
    try:
        with open_lake(settings, read_only=True, alone=True) as connection:
            fresh = not part.exists()
            connection.execute(f"ATTACH {quoted(str(part))} AS herd")
            herd_file.fill(connection, settings, embeddings=embeddings, fresh=fresh, progress=progress)
            connection.execute("CHECKPOINT herd")
            connection.execute("USE lake")
            connection.execute("DETACH herd")
        replace_durably(part, target)
    except duckdb.Error as error:
        message = str(error)
        with disk_full_is_said(part):
            if "No space left" in message or "quota" in message.lower():
                raise OSError(28, message) from error
        raise StorageError(f"{target} could not be written: {message}") from error
    finally:
        for left in (part, part.with_name(f"{part.name}.wal")):
            left.unlink(missing_ok=True)


def _same_kind(target: Path, digest: str) -> bool:
    """Whether the published file was made by the same definitions, so that its days may be kept."""
    if not target.is_file():
        return False
    try:
        with duckdb.connect(str(target), read_only=True) as herd:
            return herd.execute("SELECT digest FROM published").fetchone() == (digest,)
    except duckdb.Error:
        return False


_PUBLISHING = "another process kept publishing the herd"
