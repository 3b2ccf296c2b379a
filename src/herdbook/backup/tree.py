"""Folders in a backup: linked where files never change once written, copied where they may.

A file that the backup before it holds already is linked to that one, so that a backup on another disk costs what is new
since the last.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from herdbook.contracts.durable import fsync_path, make_folder
from herdbook.errors import StorageError

_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES)


@dataclass(frozen=True)
class Tree:
    """A folder of a home, as a backup sees it."""

    name: str
    """Its folder in the backup."""
    source: Path
    frozen: bool
    """Whether its files never change once they have their names."""
    first: tuple[str, ...] = ()
    """Files that name others: copied before what they name, which is there by then."""
    leave_out: Collection[str] = ()
    """Entries directly below it that a backup does not hold."""

    def names(self) -> Iterator[str]:
        """Relative names of its files, but for what is under way; those of ``first`` come first.

        Raises:
            StorageError: a folder in it cannot be listed.
        """
        for name in self.first:
            if (self.source / name).is_file():
                yield name
        for folder, folders, files in os.walk(self.source, onerror=_not_listed):
            below = Path(folder).relative_to(self.source)
            top = below == Path()
            folders[:] = sorted(f for f in folders if f != ".parts" and not (top and f in self.leave_out))
            for file in sorted(files):
                name = (below / file).as_posix()
                hidden = (top and file in self.leave_out) or (file.startswith(".") and file.endswith(".part"))
                if not hidden and name not in self.first:
                    yield name

    def keep(
        self, backup: Path, former: Path | None, each: Callable[[str], object], only: Collection[str] | None = None
    ) -> None:
        """Put its files into a backup under its name; a folder that is not there is an empty one.

        Args:
            backup: folder of the backup.
            former: folder of the backup before it, if there is one.
            each: told the name within the backup of each file that is done.
            only: names of the files to put there; all where omitted.

        Raises:
            StorageError: a file or folder cannot be read.
        """
        for name in self.names() if only is None else sorted(only):
            inside = f"{self.name}/{name}"
            target = backup / inside
            make_folder(target.parent)
            with suppress(FileNotFoundError):  # it went meanwhile: nothing that was copied before names it
                _keep(self.source / name, target, None if former is None else former / inside, frozen=self.frozen)
                each(inside)
        _flush(backup / self.name)

    def put(self, source: Path, name: str) -> None:
        """Put a backup's file to its place, whole or not at all, in place of whatever is there."""
        target = self.source / name
        make_folder(target.parent)
        part = target.with_name(f".{target.name}.part")
        part.unlink(missing_ok=True)
        _keep(source, part, None, frozen=self.frozen)
        part.replace(target)
        part.unlink(missing_ok=True)  # two names of one file: replacing one by the other leaves both

    def flush(self) -> None:
        """Make what was put durable."""
        _flush(self.source)


def _flush(folder: Path) -> None:
    for name, _, _ in os.walk(folder):
        fsync_path(Path(name))


def _not_listed(error: OSError) -> None:
    """What `os.walk` would pass over in silence; a folder that is not there, or went meanwhile, is an empty one."""
    if not isinstance(error, FileNotFoundError):
        raise StorageError(
            f"{error.filename} cannot be listed: {error.strerror}", "Give this user the folder, and run it again."
        ) from error


def _keep(source: Path, target: Path, former: Path | None, *, frozen: bool) -> None:
    if frozen and _link(source, target):
        return
    if former is not None and _same(source, former) and _link(former, target):
        return
    shutil.copy2(source, target)
    fsync_path(target)


def _link(source: Path, target: Path) -> bool:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return False
    return True


def _same(source: Path, former: Path) -> bool:
    """Whether the file was not written to since it was copied: `shutil.copy2` keeps the time of the last change."""
    try:
        new, old = source.stat(), former.stat()
    except FileNotFoundError:
        return False
    return (new.st_size, new.st_mtime_ns) == (old.st_size, old.st_mtime_ns)
