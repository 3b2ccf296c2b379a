"""Files from a device, several at once: resumed where they stopped, hashed while they stream, durable when they appear.

A file under way is ``<parts>/<sha256>``: it survives an interruption of any kind, belongs to no revision, and is never
read by anyone else. Only a complete file with the right digest is moved to where it is looked for.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import httpx

from herdbook.contracts.durable import disk_full_is_said, fsync_path, replace_durably
from herdbook.errors import DeviceProtocolError, DeviceUnreachableError, TransferCorruptError
from herdbook.ingest.client import AgentClient

CHUNK = 1 << 20
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
        deliver: takes a finished file from ``parts``, in the fetching thread; none: it is moved to its targets.
        on_corrupt: told of a file whose bytes are not what was offered, the rest goes on; none: it ends the transfer.

    Raises:
        TransferCorruptError: a file's bytes are wrong and ``on_corrupt`` is none.
        DeviceError: the device cannot be reached or does not serve; what was fetched stays.
        DiskFullError: the disk is full; what was fetched stays.
    """
    stop = threading.Event()

    def one(item: Wanted) -> None:
        try:
            part = fetch(client, item, parts, stop=stop, on_bytes=on_bytes)
        except TransferCorruptError as error:
            if on_corrupt is None:
                raise
            on_corrupt(item, error)
            return
        if deliver is None:
            place(part, item.targets)
        else:
            deliver(item, part)

    with disk_full_is_said(parts), ThreadPoolExecutor(parallel, thread_name_prefix="fetch") as pool:
        running = [pool.submit(one, item) for item in wanted]
        try:
            for done in as_completed(running):
                done.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


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
    digest = hashlib.sha256()
    with part.open("ab", buffering=0) as stream:
        have = _hash_existing(part, digest) if stream.tell() <= item.size else -1
        if have < 0:
            stream.truncate(0)
            have = 0
        if have == item.size:
            return digest.hexdigest()
        with client.file(item.sha256, have) as response:
            if have and response.status_code == httpx.codes.OK:
                stream.truncate(0)
                digest, have = hashlib.sha256(), 0
            elif have and not response.headers.get("content-range", "").startswith(f"bytes {have}-"):
                raise DeviceProtocolError(f"'{client.device_id}' sends another range than the one asked for")
            for chunk in response.iter_raw():
                if stop.is_set():
                    raise Interrupted
                have += len(chunk)
                if have > item.size:
                    return ""
                stream.write(chunk)
                digest.update(chunk)
                on_bytes(len(chunk))
    return digest.hexdigest() if have == item.size else ""


def _hash_existing(part: Path, digest: hashlib._Hash) -> int:
    have = 0
    with part.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            have += len(chunk)
    return have


def place(part: Path, targets: Iterable[Path]) -> None:
    """Move a finished file to its first target and link it to the others, durably."""
    first, *others = targets
    replace_durably(part, first)
    for other in others:
        link_durably(first, other)


def link_durably(source: Path, target: Path) -> None:
    """Give a finished file a second name, on the same file system."""
    beside = target.with_name(f".{target.name}.link")
    beside.unlink(missing_ok=True)
    os.link(source, beside)
    beside.replace(target)
    fsync_path(target.parent)
