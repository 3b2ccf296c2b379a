"""Files from a device, several at once: resumed where they stopped, hashed while they stream, durable when they appear.

A file under way is ``<parts>/<sha256>``: it survives an interruption of any kind, belongs to no revision, and is never
read by anyone else. Only a complete file with the right digest is moved to where it is looked for.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from herdbook.contracts.durable import disk_full_is_said
from herdbook.errors import DeviceUnreachableError, TransferCorruptError
from herdbook.ingest.client import AgentClient
from herdbook.ingest.files import place
from herdbook.ingest.hashing import BackgroundSha256

WRITE_OUT = 8 << 20
TRIES = 3
PAUSE_S = 0.5


@dataclass(frozen=True)
class Wanted:
    """A file to fetch and every place it goes to; two files of a day may have the same content."""

    sha256: str
    size: int
    targets: tuple[Path, ...]


class Interrupted(Exception):  # noqa: N818
    """Another file's failure, or the user, stopped this one."""


def fetch_all(
    client: AgentClient,
    wanted: Sequence[Wanted],
    parts: Path,
    *,
    parallel: int,
    on_bytes: Callable[[int], None],
    deliver: Callable[[Wanted, Path], None] | None = None,
    on_corrupt: Callable[[Wanted, TransferCorruptError], None] | None = None,
) -> None:
    """Fetch files in the order given, ``parallel`` at a time.

    Args:
        parts: folder for files under way, on the file system of the targets.
        on_bytes: told of every chunk that arrived, from several threads.
        deliver: takes a finished file from ``parts``, in a thread; none: it is moved to its targets.
        on_corrupt: told of a file whose bytes are not what was offered, the rest goes on; none: it ends the transfer.

    Raises:
        TransferCorruptError: a file's bytes are wrong and ``on_corrupt`` is none.
        DeviceError: the device cannot be reached or does not serve; what was fetched stays.
        DiskFullError: the disk is full; what was fetched stays.
    """
    stop = threading.Event()
    failures: list[BaseException] = []

    def finish(item: Wanted, part: Path) -> None:
        try:
            if deliver is None:
                place(part, item.targets)
            else:
                deliver(item, part)
        except BaseException as error:
            failures.append(error)
            stop.set()

    def one(item: Wanted) -> None:
        try:
            part = fetch(client, item, parts, stop=stop, on_bytes=on_bytes)
        except TransferCorruptError as error:
            if on_corrupt is None:
                raise
            on_corrupt(item, error)
        else:
            finishing.submit(finish, item, part)

    # Waiting for the disk has threads of its own: meanwhile the next file arrives.
    with (
        disk_full_is_said(parts),
        ThreadPoolExecutor(parallel, thread_name_prefix="finish") as finishing,
        ThreadPoolExecutor(parallel, thread_name_prefix="fetch") as fetching,
    ):
        running = [fetching.submit(one, item) for item in wanted]
        try:
            for done in as_completed(running):
                done.result()
        except Interrupted:
            pass  # one that finishes has failed
        except BaseException:
            stop.set()
            raise
        finally:
            fetching.shutdown(cancel_futures=True)
            finishing.shutdown()
        if failures:
            raise failures[0]


def fetch(
    client: AgentClient, item: Wanted, parts: Path, *, stop: threading.Event, on_bytes: Callable[[int], None]
) -> Path:
    """Fetch one file into ``parts``, going on where an earlier attempt stopped.

    Raises:
        TransferCorruptError: a whole fresh copy does not have the digest; it is removed.
    """
    part = parts / item.sha256
    resumed = part.exists()
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            digest = _receive(client, item, part, stop, on_bytes)
        except DeviceUnreachableError:
            # A poor link may break many times within a large file: only breaks without any progress count.
            failures = 1 if part.stat().st_size > before else failures + 1
            if failures == TRIES or stop.wait(PAUSE_S * 2**failures):
                raise
            resumed = True
            continue
        if digest == item.sha256:
            return part
        part.unlink()
        if not resumed:
            break
        resumed = False  # what lay here may have been at fault (a power cut): once more from the start
    names = ", ".join(target.name for target in item.targets)
    raise TransferCorruptError(f"{names}: the bytes of '{client.device_id}' are not those its manifest names")


def _receive(
    client: AgentClient, item: Wanted, part: Path, stop: threading.Event, on_bytes: Callable[[int], None]
) -> str:
    """Bring a part up to its size; its digest then, or nothing where the device has other bytes than it says."""
    with part.open("ab", buffering=0) as stream, BackgroundSha256() as hasher:
        have = stream.tell()
        if have <= item.size:
            hasher.read(part)
        else:
            stream.truncate(0)
            have = 0
        if have == item.size:
            return hasher.hexdigest()
        with client.file(item.sha256, have) as body:
            if body.offset != have:
                stream.truncate(0)
                hasher.restart()
                have = 0
            while have < item.size:
                if stop.is_set():
                    raise Interrupted
                buffer = hasher.buffer()
                count = body.readinto(buffer)
                if not count:
                    break
                stream.write(buffer[:count])
                hasher.update(buffer[:count])
                have += count
                if have // WRITE_OUT > (have - count) // WRITE_OUT:
                    _begin_writing_out(stream.fileno(), have)
                on_bytes(count)
            if have < item.size and not body.complete:
                raise DeviceUnreachableError(f"{client.where} hung up after {have} of {item.size} bytes")
            # A longer file is not what was offered either.
            extra = have == item.size and body.readinto(memoryview(bytearray(1)))
    return "" if extra or have < item.size else hasher.hexdigest()


def _begin_writing_out(descriptor: int, size: int) -> None:
    """Let the disk begin now: the flush at the end is then short, and a night's footage does not fill the memory."""
    if hasattr(os, "posix_fadvise"):  # a hint; not on every system
        os.posix_fadvise(descriptor, 0, size, os.POSIX_FADV_DONTNEED)
