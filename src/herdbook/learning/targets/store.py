"""Targets by content: ``<root>/<release>/<aa>/<key>.target``. A file is there whole, or not at all.

The key is the SHA-256 of the frame's pixels, the teacher's release and how frames were prepared, so that a dataset that
shares frames with an older one shares their targets, and another teacher never answers for this one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.errors import DiskFullError, NotFoundError
from herdbook.learning.targets.codec import Encoding, Features, pack, unpack

SUFFIX = ".target"


@dataclass(frozen=True)
class Recipe:
    """What a target depends on beside the frame."""

    release: str
    side: int
    encoding: Encoding

    def key(self, frame_id: str) -> str:
        """The name of a frame's target."""
        said = {"frame": frame_id, "release": self.release, "side": self.side, "encoding": self.encoding.value}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    @property
    def folder(self) -> str:
        """Targets of one recipe lie together, so that those of a teacher that is gone can be removed."""
        digest = hashlib.sha256(json.dumps([self.release, self.side, self.encoding.value]).encode())
        return digest.hexdigest()[:16]


class TargetStore:
    """A folder of targets with a quota over all recipes. Several processes may write: equal keys have equal content."""

    def __init__(self, root: Path, quota: int | None = None) -> None:
        self.root, self._quota = root, quota
        self._used: int | None = None

    def path(self, recipe: Recipe, frame_id: str) -> Path:
        """Where a frame's target lies, or will."""
        key = recipe.key(frame_id)
        return self.root / recipe.folder / key[:2] / f"{key}{SUFFIX}"

    def has(self, recipe: Recipe, frame_id: str) -> bool:
        """Whether it was computed."""
        return self.path(recipe, frame_id).is_file()

    def put(self, recipe: Recipe, frame_id: str, features: Features) -> int:
        """Keep a target; returns its bytes.

        Raises:
            DiskFullError: the quota or the disk is full; all that was put before is kept.
        """
        blob = pack(features, recipe.encoding)
        if self._quota is not None and self.used() + len(blob) > self._quota:
            raise DiskFullError(
                f"the targets in {self.root} have reached their quota of {self._quota:,} bytes",
                "Raise the quota, keep int8 instead of fp16, take fewer frames, or remove targets of teachers that are "
                "gone; the same command continues where it stopped.",
            )
        path = self.path(recipe, frame_id)
        make_folder(path.parent)
        try:
            write_durably(path, blob)
        except DiskFullError as error:
            raise DiskFullError(
                error.message, "Free space there; the same command continues where it stopped."
            ) from error
        self._used = self.used() + len(blob)
        return len(blob)

    def get(self, recipe: Recipe, frame_id: str) -> Features:
        """A frame's target.

        Raises:
            NotFoundError: it was not computed.
            FileFormatError: it is damaged.
        """
        path = self.path(recipe, frame_id)
        try:
            return unpack(path.read_bytes(), str(path))
        except FileNotFoundError as error:
            raise NotFoundError(
                f"there is no target of frame {frame_id[:12]}… by {recipe.release}", "Run `herdbook learn targets`."
            ) from error

    def used(self) -> int:
        """Bytes of all targets; counted once, then kept up by this process."""
        if self._used is None:
            self._used = sum(size for _, size in self._files())
        return self._used

    def sweep(self) -> None:
        """Remove what killed writers left; a writer that is alive keeps what is younger than an hour."""
        import time

        for part in self.root.glob("*/*/.*.part"):
            if time.time() - part.stat().st_mtime > 3600 or not _alive(part):
                part.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[Path, int]]:
        for file in self.root.glob(f"*/*/*{SUFFIX}"):
            yield file, file.stat().st_size


def _alive(part: Path) -> bool:
    """Whether the process that a part is named after still runs."""
    number = part.name.split(".")[-2]
    try:
        os.kill(int(number), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
