"""What goes wrong in one night: a device's disk is full, workers are killed, the database crashes."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.disks import fill
from support.many_devices import LOADING, TRIED, step
from support.night_workers import KILLED, Task, Workers
from support.postgres import Cluster


@dataclass
class Mischief:
    """Kills a worker and restarts the database, in the middle of the ingest and in the middle of the load.

    Give `hear` to the night.
    """

    workers: Workers
    cluster: Cluster | None
    devices: int
    down_s: float = 2.0
    """How long the database is away."""
    done: list[str] = field(default_factory=list)
    """What was done, when."""
    _counts: dict[str, int] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, phase: str, task: Task, said: dict[str, Any]) -> None:
        """Count what is done of a phase: tasks of the ingest, days of the load."""
        if step(phase, said) not in (TRIED, LOADING):
            return
        with self._turn:
            self._counts[phase] = count = self._counts.get(phase, 0) + 1
        if count == max(1, self.devices // 4):
            self._begin(lambda: self._kill(phase))
        if count == max(2, self.devices // 2):
            self._begin(lambda: self._restart(phase))

    def wait(self) -> None:
        """Until all that was begun is over."""
        for thread in self._threads:
            thread.join()

    def _begin(self, deed: Any) -> None:
        thread = threading.Thread(target=deed)
        thread.start()
        self._threads.append(thread)

    def _kill(self, phase: str) -> None:
        for _ in range(100):  # all may be idle for a moment
            name = self.workers.kill_one()
            if name is not None:
                self.done.append(f"{phase}: killed the worker of '{name}'")
                return
            time.sleep(0.05)

    def _restart(self, phase: str) -> None:
        if self.cluster is None:
            return
        self.cluster.stop("immediate")
        time.sleep(self.down_s)
        self.cluster.start()
        self.done.append(f"{phase}: PostgreSQL crashed, and was back after {self.down_s:g} s")


@contextmanager
def disk_of(device: Path, mib: int = 4) -> Iterator[Path | None]:
    """Put a device's folder on a small disk of its own, and fill it to the last byte; the ballast, or none where
    nothing can be mounted here."""
    aside = device.with_name(f".{device.name}")
    device.rename(aside)
    device.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(device)], capture_output=True, check=False
    )
    try:
        shutil.copytree(aside, device, dirs_exist_ok=True)
        yield fill(device, but=0) if mounted.returncode == 0 else None
    finally:
        shutil.rmtree(aside)
        shutil.copytree(device, aside, ignore=shutil.ignore_patterns("ballast"))
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", device], check=True)
        shutil.rmtree(device)
        aside.rename(device)


def told(tasks: list[Task]) -> list[str]:
    """Each try that failed, for people."""
    return [
        f"{task.name}: {'killed' if one['code'] == KILLED else one['said']}"
        for task in tasks
        for one in task.tries
        if one["code"]
    ]
