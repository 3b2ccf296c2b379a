"""Writes that survive a power cut: write beside, fsync, rename, fsync the folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from herdbook.errors import DiskFullError


def fsync_path(path: Path) -> None:
    """Flush a file's or folder's content to its disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_durably(source: Path, target: Path) -> None:
    """Move a finished file into place, atomically and for good. Both lie on one file system."""
    fsync_path(source)
    source.replace(target)
    fsync_path(target.parent)


def write_durably(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Raises:
        DiskFullError: no space is left; the old content stays.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with disk_full_is_said(path):
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
            replace_durably(part, path)
        finally:
            part.unlink(missing_ok=True)


def make_folder(path: Path) -> Path:
    """Create a folder and its parents so that a power cut does not lose them.

    Raises:
        DiskFullError: no space is left.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    with disk_full_is_said(path):
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            fsync_path(folder.parent)
    return path


@contextmanager
def disk_full_is_said(path: Path) -> Iterator[None]:
    """Turn "no space left" and "quota exceeded" into a `DiskFullError` that names where."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(f"no space left for {path}") from error
        raise
