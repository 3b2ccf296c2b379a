"""An Airflow without a scheduler, in a folder of the test's own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herdbook.demo.airflow import environment
from herdbook.settings import Settings


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
    log: str

    def of(self, task_id: str) -> list[Task]:
        """A task's instances."""
        return [task for task in self.tasks if task.task_id == task_id]


@dataclass(frozen=True)
class AirflowHome:
    """``folder`` holds Airflow's database, ``settings.home`` Herdbook's state."""

    folder: Path
    settings: Settings

    def env(self, more: Mapping[str, str] = {}) -> dict[str, str]:
        """Environment of Airflow's processes; retries follow at once."""
        quick = {"HERDBOOK_RETRIES": "1", "HERDBOOK_RETRY_DELAY_S": "0.1"}
        return environment(self.settings, self.folder, 9, (9, 9)) | quick | dict(more)

    def python(self, *arguments: str, env: Mapping[str, str] = {}) -> str:
        """Run this interpreter in Airflow's environment; its stdout."""
        done = subprocess.run(
            [sys.executable, *arguments], env=self.env(env), capture_output=True, text=True, check=False, timeout=280
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def script(self, name: str, *arguments: str, env: Mapping[str, str] = {}) -> tuple[Any, str]:
        """Run a script of this folder that ends with a line of JSON; that line, and what it printed before."""
        return last_line(self.python(str(Path(__file__).with_name(f"{name}.py")), *arguments, env=env))

    def test(
        self, dag_id: str, logical_date: str, conf: Mapping[str, Any] = {}, env: Mapping[str, str] = {}
    ) -> Outcome:
        """``dag.test()`` of one of our DAGs."""
        outcome, log = self.script("run_dag", dag_id, logical_date, json.dumps(conf), env=env)
        return Outcome(outcome["state"], [Task(**task) for task in outcome["tasks"]], outcome["events"], log)


def last_line(out: str) -> tuple[Any, str]:
    """The JSON on the last line, and everything before it."""
    before, _, last = out.rstrip().rpartition("\n")
    return json.loads(last), before
