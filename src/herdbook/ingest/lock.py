"""One ingest of a device at a time, on this machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from herdbook.errors import DeviceBusyError
from herdbook.settings import Settings


@contextmanager
def device_lock(settings: Settings, device_id: str) -> Iterator[None]:
    """Hold the device for the block. The kernel lets go when the process ends, however it ends.

    Raises:
        DeviceBusyError: another process holds it; the message names it.
    """
    folder = settings.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"ingest-{device_id}.lock").open("a+", encoding="ascii") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            holder = stream.read(20).strip() or "unknown"
            raise DeviceBusyError(f"process {holder} is fetching from '{device_id}'") from error
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield
