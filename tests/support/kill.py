"""Processes to be killed: forked with everything imported, so that a kill hits the work and not its imports."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

PRELOADED = ("herdbook.night", "herdbook.identity.match", "herdbook.ingest.night", "herdbook.lake.publish")


@dataclass(frozen=True)
class Worker:
    """A process and our end of the pipe to it."""

    process: ForkServerProcess
    pipe: Connection

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.join()

    def said(self) -> list[Any]:
        """What it said and nobody has heard yet; once it is dead."""
        heard = []
        try:
            while self.pipe.poll():
                heard.append(self.pipe.recv())
        except (EOFError, ConnectionResetError):
            pass
        return heard


@contextmanager
def forked(work: Callable[..., None], *arguments: Any) -> Iterator[Worker]:
    """Run ``work(pipe, *arguments)`` in a process of its own, killed at the latest at the end of the block."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, work.__module__])
    here, there = context.Pipe()
    process = context.Process(target=work, args=(there, *arguments))
    process.start()
    there.close()
    worker = Worker(process, here)
    try:
        yield worker
    finally:
        worker.kill()
        here.close()
