"""Take turns between processes of one machine. The kernel frees the lock when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from herdbook.errors import LakeBusyError


@contextmanager
def held(lock: Path, deadline: float, holder: str) -> Iterator[None]:
    """Hold a lock file within the block.

    Args:
        lock: the file; it is made where it is missing and stays.
        deadline: give up at this reading of `time.monotonic`.
        holder: what the others do meanwhile, for the message.

    Raises:
        LakeBusyError: others held it until the deadline.
    """
    with lock.open("w") as stream:
        pause = 0.01
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LakeBusyError(f"{holder} for too long ({lock} is locked)") from None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)
        yield
