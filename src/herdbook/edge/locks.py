"""Who works in a device folder. The kernel lets go of a lock when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from herdbook.contracts.durable import disk_full_is_said, make_folder
from herdbook.errors import StorageError


@contextmanager
def one_recorder(root: Path) -> Iterator[None]:
    """Be the device's only recorder: taken before anything in the spool is touched, held while recording.

    Raises:
        StorageError: another recorder works on the same folder.
    """
    path = make_folder(root) / ".recorder.lock"
    with disk_full_is_said(path):
        path.touch()
    with in_use(path) as alone:
        if not alone:
            raise StorageError(
                f"another recorder works on {root}", "Wait for it to end, or stop it; one device has one recorder."
            )
        yield


@contextmanager
def issuing(day_folder: Path) -> Iterator[None]:
    """Begin a draft of a day, or give one its number, while nobody else does: waited for, held for moments."""
    with in_use(make_folder(day_folder), wait=True):
        yield


@contextmanager
def in_use(path: Path, *, wait: bool = False, look: bool = False) -> Iterator[bool]:
    """Hold a file or folder for the block; false where somebody else does.

    Args:
        look: only to see whether somebody holds it: others who look are nobody.
    """
    descriptor = os.open(path, os.O_RDONLY)
    how = fcntl.LOCK_SH if look else fcntl.LOCK_EX
    try:
        yield _lock(descriptor, how if wait else how | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        return False
    return True
