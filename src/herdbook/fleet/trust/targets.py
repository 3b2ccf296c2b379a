"""Files on their way into the repository: copied, hashed and durable before any metadata names them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tuf.api.metadata import TargetFile as Target

from herdbook.contracts.assignment import TargetFile
from herdbook.contracts.durable import disk_full_is_said, fsync_path, make_folder

_CHUNK = 1 << 20
_AT_ONCE = 16


def put(repository: Path, files: Mapping[str, Path | bytes]) -> dict[str, Target]:
    """Put files into ``targets/`` under their paths with their digests before the name.

    All are written, then flushed many at once: the disk then flushes them together.

    Args:
        files: by path in the repository; a file to copy, or content.

    Raises:
        DiskFullError: no space left.
    """
    folder = repository / "targets"
    parts: list[tuple[Path, Path]] = []
    described: dict[str, Target] = {}
    try:
        with disk_full_is_said(folder):
            for place in {(folder / path).parent for path in files}:
                make_folder(place)
            for path, source in files.items():
                place = (folder / path).parent
                part = place / f".{Path(path).name}.{os.getpid()}.part"
                parts.append((part, part))  # removed whatever happens to it
                length, digest = _copy(source, part)
                described[path] = Target(length, {"sha256": digest}, path)
                parts[-1] = (part, place / f"{digest}.{Path(path).name}")
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(fsync_path, [part for part, _ in parts]))
            for part, final in parts:
                part.replace(final)
            for place in {final.parent for _, final in parts}:
                fsync_path(place)
    finally:
        for part, _ in parts:
            part.unlink(missing_ok=True)
    return described


def signed_file(target: Target) -> TargetFile:
    """A signed target, as an assignment names it."""
    return TargetFile(
        path=target.path, name=target.path.rpartition("/")[2], bytes=target.length, sha256=target.hashes["sha256"]
    )


def place_of(repository: Path, target: Target) -> Path:
    """Where a target's bytes lie."""
    return repository / "targets" / target.get_prefixed_paths()[0]


def _copy(source: Path | bytes, part: Path) -> tuple[int, str]:
    digest = hashlib.sha256()
    length = 0
    with part.open("wb") as out:
        if isinstance(source, bytes):
            chunks = iter([source])
        else:
            stream = source.open("rb")
            chunks = iter(lambda: stream.read(_CHUNK), b"")
        try:
            for chunk in chunks:
                digest.update(chunk)
                length += out.write(chunk)
        finally:
            if not isinstance(source, bytes):
                stream.close()
    return length, digest.hexdigest()
