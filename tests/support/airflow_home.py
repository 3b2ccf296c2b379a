"""An Airflow without a scheduler, for tests: one process runs all their DAGs, each over a Herdbook of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from herdbook.demo.airflow import environment
from herdbook.settings import Settings

QUICK = {"HERDBOOK_RETRIES": "1", "HERDBOOK_RETRY_DELAY_S": "0.1"}
"""Retries follow at once."""


@dataclass(frozen=True)
class Task:
    """What became of a task instance."""

    task_id: str
    map_index: int
    name: str | None
    state: str
    tries: int
    value: Any


@dataclass(frozen=True)
class Outcome:
    """What became of a run."""

    state: str
    tasks: list[Task]
    events: dict[str, Any]
    """Assets that the run updated, with what it said of each."""

    def of(self, task_id: str) -> list[Task]:
        """A task's instances."""
        return [task for task in self.tasks if task.task_id == task_id]


class AirflowHome:
    """Airflow's state in ``folder``; its worker starts with the first DAG."""

    def __init__(self, folder: Path) -> None:
        self.env = environment(Settings(home=folder / "no-herdbook"), folder, 9, (9, 9)) | QUICK
        self.log = folder / "worker.log"
        self._worker: subprocess.Popen[str] | None = None
        self.python("-m", "airflow", "db", "migrate")

    def python(self, *arguments: str, env: Mapping[str, str] = {}) -> str:
        """Run this interpreter in Airflow's environment; its stdout."""
        done = subprocess.run(
            [sys.executable, *arguments], env=self.env | dict(env), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def test(
        self, dag_id: str, logical_date: str, home: Path, conf: Mapping[str, Any] = {}, env: Mapping[str, str] = {}
    ) -> Outcome:
        """``dag.test()`` of one of our DAGs over the Herdbook in ``home``."""
        if self._worker is None:
            with self.log.open("w") as log:
                self._worker = subprocess.Popen(
                    [sys.executable, str(Path(__file__).with_name("dag_worker.py"))],
                    env=self.env,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        request = {"dag_id": dag_id, "logical_date": logical_date, "conf": conf}
        self._worker.stdin.write(json.dumps(request | {"env": {"HERDBOOK_HOME": str(home), **env}}) + "\n")
        self._worker.stdin.flush()
        answer = self._worker.stdout.readline()
        assert answer, self.log.read_text()[-5000:]
        outcome = json.loads(answer)
        return Outcome(outcome["state"], [Task(**task) for task in outcome["tasks"]], outcome["events"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._worker is not None:
            self._worker.communicate(timeout=30)
