"""One driver at a time, and no change of mind while something is being signed: locks of this machine.

The kernel lets go of them when a process ends, however it ends. Where several machines share a ledger, a second driver
only finds its decisions refused (`herdbook.fleet.rollout.store.save`).
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from herdbook.settings import Settings


@contextmanager
def held(settings: Settings, what: Literal["driver", "signing"], *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock for the block; False, and not held, where somebody else has it and ``wait`` is not set."""
    folder = settings.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"rollout-{what}.lock").open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
