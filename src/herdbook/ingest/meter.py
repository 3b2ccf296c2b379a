"""Counting bytes from several threads."""

from __future__ import annotations

import threading

from herdbook.ingest.result import Progress, no_progress


class Meter:
    """Bytes fetched in one attempt; each stage reports its own share of them."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.fetched = 0
        self._progress = progress or no_progress
        self._lock = threading.Lock()
        self._what, self._done, self._total = "", 0, 0

    def begin(self, what: str, done: int, total: int) -> None:
        """Start a stage of ``total`` bytes, ``done`` of which are here already."""
        self._what, self._done, self._total = what, done, total
        self._progress(what, done, total)

    def add(self, count: int) -> None:
        """More bytes arrived."""
        with self._lock:
            self.fetched += count
            self._done += count
            done = self._done
        self._progress(self._what, min(done, self._total), self._total)
