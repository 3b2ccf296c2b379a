"""Airflow's REST API, as far as the demo needs it: start runs, wait for them. Its database may be busy now and then."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from herdbook.errors import HerdbookError

CONFLICT = 409
PATIENCE_S = 180.0
"""How long an answer of 500, or none, is put down to a busy database."""
T = TypeVar("T")
_DONE = ("success", "failed")


@dataclass(frozen=True)
class DagRun:
    """One run of a DAG."""

    dag_id: str
    run_id: str
    state: str
    started_at: datetime | None


class AirflowApi:
    """The Airflow at an address. Log in before anything but its health is asked.

    Args:
        url: its address.
        log: where people find what it said, for messages.
    """

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log
        self._client = httpx.Client(base_url=url, timeout=30)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def check(self) -> None:
        """Raise if there is nothing to wait for any more."""

    def wait_until_healthy(self, timeout_s: float) -> None:
        """Wait until each of its parts says that it is well."""
        self._wait("Airflow", self._healthy, timeout_s)

    def log_in(self, user: str, password: str) -> None:
        """Speak as this user from now on."""
        answer = self._client.post("/auth/token", json={"username": user, "password": password}).raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def switch_on(self, dag_id: str, timeout_s: float) -> None:
        """Wait until it has read the DAG, then let it run."""
        path = f"/api/v2/dags/{dag_id}"
        self._wait(f"DAG {dag_id}", lambda: self._client.get(path).is_success, timeout_s)
        self._call("PATCH", path, {"is_paused": False})

    def wait_for_first_runs(self, dag_id: str, timeout_s: float = 300) -> None:
        """Wait until what switching a DAG on starts, the run of its last interval, is over, however it ends."""

        def over() -> bool:
            runs = self.runs(dag_id)
            return bool(runs) and all(run.state in _DONE for run in runs)

        self._wait(f"the first run of {dag_id}", over, timeout_s)

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> DagRun:
        """Start a run. We name it: asked twice, because the first answer was lost, Airflow starts one all the same."""
        runs, run_id = f"/api/v2/dags/{dag_id}/dagRuns", f"herdbook__{uuid.uuid4()}"
        self._call("POST", runs, {"dag_run_id": run_id, "logical_date": None, "conf": conf or {}}, done=CONFLICT)
        return _run(self._call("GET", f"{runs}/{run_id}"))

    def backfill(self, dag_id: str, first: datetime, last: datetime) -> list[DagRun]:
        """Create the runs of a period, as ``airflow backfill create`` does; oldest first."""
        body = {"dag_id": dag_id, "from_date": first.isoformat(), "to_date": last.isoformat(), "max_active_runs": 1}
        self._call("POST", "/api/v2/backfills", body, done=CONFLICT)
        return [run for run in reversed(self.runs(dag_id)) if run.run_id.startswith("backfill")]

    def runs(self, dag_id: str) -> list[DagRun]:
        """The latest runs of a DAG, newest first."""
        path = f"/api/v2/dags/{dag_id}/dagRuns?order_by=-run_after&limit=100"
        return [_run(row) for row in self._call("GET", path)["dag_runs"]]

    def wait(self, run: DagRun, timeout_s: float = 300, meanwhile: Callable[[], None] = lambda: None) -> DagRun:
        """Wait until a run has ended, and call something now and then.

        Raises:
            HerdbookError: it failed, or takes longer.
        """
        path = _path(run)

        def ended() -> DagRun | None:
            meanwhile()
            return self._ended(path)

        done = self._wait(f"{run.dag_id} {run.run_id}", ended, timeout_s)
        if done.state != "success":
            raise HerdbookError(f"the run {run.run_id} of {run.dag_id} failed", f"See the task's log at {self.url}.")
        return done

    def wait_for_next(self, dag_id: str, run: DagRun, task_id: str, timeout_s: float = 300) -> DagRun:
        """Wait for the run of a DAG that was started after a task of another run had updated its asset.

        Airflow joins updates that come while the DAG cannot run: the run may be one that an earlier update asked for.

        Raises:
            HerdbookError: it failed, or does not come.
        """
        task = self._call("GET", f"{_path(run)}/taskInstances/{task_id}")
        updated = datetime.fromisoformat(task["end_date"])

        def started() -> DagRun | None:
            return next((r for r in self.runs(dag_id) if r.started_at and r.started_at >= updated), None)

        return self.wait(self._wait(f"{dag_id} after {run.run_id}", started, timeout_s), timeout_s)

    def _healthy(self) -> bool:
        try:
            answer = self._client.get("/api/v2/monitor/health")
        except httpx.TransportError:
            return False
        return answer.is_success and all(part["status"] == "healthy" for part in answer.json().values() if part)

    def _ended(self, path: str) -> DagRun | None:
        run = _run(self._call("GET", path))
        return run if run.state in _DONE else None

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None, *, done: int | None = None) -> Any:
        """Its answer. ``done`` is a status that means that it was done before: by a try whose answer was an error."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = self._client.request(method, path, json=body)
            except httpx.TransportError as error:
                said = repr(error)
            else:
                said = f"{answer.status_code} {answer.text[:500]}"
                if not answer.is_server_error:
                    break
            if time.monotonic() > deadline:
                raise HerdbookError(f"Airflow answers {said} to {method} {path}", f"See {self.log}.")
            time.sleep(1)
        if answer.is_error and answer.status_code != done:
            raise HerdbookError(f"Airflow answers {said} to {method} {path}", f"See {self.log}.")
        return answer.json()

    def _wait(self, what: str, ask: Callable[[], T | None], timeout_s: float) -> T:
        deadline = time.monotonic() + timeout_s
        while not (answer := ask()):
            self.check()
            if time.monotonic() > deadline:
                raise HerdbookError(f"{what}: nothing within {timeout_s:g} s", f"See {self.log}.")
            time.sleep(0.25)
        return answer


def _path(run: DagRun) -> str:
    return f"/api/v2/dags/{run.dag_id}/dagRuns/{quote(run.run_id)}"


def _run(row: dict[str, Any]) -> DagRun:
    started = row["start_date"]
    return DagRun(row["dag_id"], row["dag_run_id"], row["state"], datetime.fromisoformat(started) if started else None)
