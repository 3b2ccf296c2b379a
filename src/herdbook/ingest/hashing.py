"""SHA-256 of a stream, beside receiving it: ``hashlib`` lets go of the interpreter while it works."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

CHUNK = 1 << 20


class BackgroundSha256:
    """Hashes one chunk in a thread of its own while the next arrives. Use it as a context.

    ``buffer`` hands out one of two buffers of `CHUNK` bytes in turn: it may be filled while the other is hashed.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sha256")
        self._pending: Future[None] | None = None
        self._buffers = [memoryview(bytearray(CHUNK)) for _ in range(2)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def buffer(self) -> memoryview:
        """The buffer that is free now."""
        self._buffers.reverse()
        return self._buffers[0]

    def update(self, chunk: memoryview) -> None:
        """Hash a part of the buffer handed out last; returns at once."""
        self._wait()
        self._pending = self._pool.submit(self._digest.update, chunk)

    def read(self, part: Path) -> None:
        """Hash a file."""
        with part.open("rb", buffering=0) as stream:
            while count := stream.readinto(self._buffers[0]):
                self._digest.update(self._buffers[0][:count])

    def restart(self) -> None:
        """Forget what was hashed; only between ``read`` and the first ``update``."""
        self._digest = hashlib.sha256()

    def hexdigest(self) -> str:
        """The digest of all so far."""
        self._wait()
        return self._digest.hexdigest()

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None
