"""Several workers and one queue of tasks, with retries as Airflow has them.

A worker that is killed is started anew, and its task waits for its next try.
"""

from __future__ import annotations

import heapq
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

PATHS = [Path(__file__).parents[1], *(Path(__file__).parents[2] / part for part in ("src", "models", "plugins"))]
KILLED = -9


@dataclass
class Task:
    """A command to run, and how its tries ended."""

    name: str
    arguments: Sequence[str]
    tolerate: Collection[int] = ()
    tries: list[dict[str, Any]] = field(default_factory=list)

    @property
    def code(self) -> int:
        """Of the last try; -9 where its worker was killed."""
        return int(self.tries[-1]["code"])

    @property
    def done(self) -> bool:
        """Whether it succeeded in the end."""
        return bool(self.tries) and (self.code == 0 or self.code in self.tolerate)

    @property
    def cpu_s(self) -> float:
        """Processor time of all tries whose worker lived."""
        return sum(float(t["cpu_s"]) for t in self.tries)


class Workers:
    """A pool. Use it in a ``with`` block."""

    def __init__(self, count: int, env: dict[str, str], *, retries: int = 4, delay_s: float = 1.0) -> None:
        paths = os.pathsep.join([*map(str, PATHS), os.environ.get("PYTHONPATH", "")])
        self._env = {**os.environ, **env, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
        self._retries, self._delay_s = retries, delay_s
        self._turn = threading.Condition()
        self._workers = [self._start() for _ in range(count)]
        self._busy: dict[int, str] = {}

    def run(self, tasks: Iterable[Task], hear: Callable[[Task, dict[str, Any]], None] = lambda *_: None) -> list[Task]:
        """Do tasks, all that can be at once. ``hear`` is told every line of a command, and each end of a try."""
        all_tasks = list(tasks)
        waiting = [(0.0, n) for n in range(len(all_tasks))]
        left = {n for _, n in waiting}

        def next_one() -> int | None:
            with self._turn:
                while left:
                    now = time.monotonic()
                    if waiting and waiting[0][0] <= now:
                        return heapq.heappop(waiting)[1]
                    self._turn.wait(waiting[0][0] - now if waiting else 0.5)
            return None

        def work(k: int) -> None:
            while (n := next_one()) is not None:
                task = all_tasks[n]
                end = self._try(k, task, hear)
                with self._turn:
                    task.tries.append(end)
                    if not task.done and end["may_pass"] and len(task.tries) <= self._retries:
                        pause = self._delay_s * 2 ** (len(task.tries) - 1)
                        heapq.heappush(waiting, (time.monotonic() + pause, n))
                    else:
                        left.discard(n)
                    self._turn.notify_all()
                hear(task, end)

        threads = [threading.Thread(target=work, args=(k,)) for k in range(len(self._workers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return all_tasks

    def kill_one(self) -> str | None:
        """SIGKILL a worker that is at work; at what, or none where all were idle."""
        with self._turn:
            k, name = next(iter(self._busy.items()), (None, None))
            if k is not None:
                os.killpg(self._workers[k].pid, signal.SIGKILL)
        return name

    def _try(self, k: int, task: Task, hear: Callable[[Task, dict[str, Any]], None]) -> dict[str, Any]:
        worker = self._workers[k]
        assert worker.stdin is not None
        assert worker.stdout is not None
        begun = time.monotonic()
        with self._turn:
            self._busy[k] = task.name
        try:
            with suppress(BrokenPipeError):
                worker.stdin.write(json.dumps(list(task.arguments)) + "\n")
                worker.stdin.flush()
            for line in worker.stdout:
                heard: dict[str, Any] = json.loads(line)
                if "code" in heard:
                    return heard
                hear(task, heard)
        finally:
            with self._turn:
                del self._busy[k]
        worker.wait()
        self._workers[k] = self._start()
        wall = time.monotonic() - begun
        return {"code": KILLED, "said": "its worker was killed", "may_pass": True, "wall_s": wall, "cpu_s": 0.0}

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "support.night_worker"]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._env,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            assert worker.stdin is not None
            worker.stdin.close()
        for worker in self._workers:
            worker.wait(60)
