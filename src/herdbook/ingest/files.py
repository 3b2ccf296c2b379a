"""Finished files get their places for good, also where an area is a disk of its own."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from herdbook.contracts.durable import disk_full_is_said, fsync_path, replace_durably

_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)


def place(part: Path, targets: Iterable[Path]) -> None:
    """Move a finished file to its first target and give it the other names."""
    first, *others = targets
    try:
        replace_durably(part, first)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        link_durably(part, first)
        part.unlink()
    for other in others:
        link_durably(first, other)


def link_durably(source: Path, target: Path) -> None:
    """Give a finished file a second name; where the file system cannot, a copy."""
    beside = target.with_name(f".{target.name}.part")
    beside.unlink(missing_ok=True)
    with disk_full_is_said(target):
        try:
            os.link(source, beside)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            shutil.copyfile(source, beside)
            replace_durably(beside, target)
        else:
            beside.replace(target)
            fsync_path(target.parent)
    beside.unlink(missing_ok=True)  # two names of one file: replacing one by the other leaves both
