"""A real Airflow of our own: scheduler, triggerer and web server in the background, spoken to over its REST API."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

import herdbook
from herdbook.contracts.durable import write_durably
from herdbook.errors import HerdbookError, MissingDependencyError, NotFoundError
from herdbook.processes.background import Background, free_ports
from herdbook.settings import Settings

USER = "admin"
T = TypeVar("T")
_DONE = ("success", "failed")


@dataclass(frozen=True)
class DagRun:
    """One run of a DAG."""

    dag_id: str
    run_id: str
    state: str
    started_at: datetime | None


def checkout() -> Path:
    """The folder that holds ``dags/`` and ``plugins/``.

    Raises:
        NotFoundError: Herdbook is installed without them.
    """
    folder = Path(herdbook.__file__).resolve().parents[2]
    if not (folder / "dags" / "nightly_ingest.py").is_file():
        raise NotFoundError(f"there are no DAGs beside {folder}", "Run this from a checkout: make demo.")
    return folder


def environment(settings: Settings, folder: Path, port: int, log_ports: tuple[int, int]) -> dict[str, str]:
    """The environment of an Airflow of our own in ``folder``; an Airflow configured outside is not touched."""
    url = f"http://127.0.0.1:{port}"
    code = checkout()
    ours = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(code / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(code / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # Its processes share one SQLite file: on a busy machine five seconds are not enough to get a turn.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}?timeout=60",
        "AIRFLOW__CORE__PARALLELISM": "4",
        # What was running when we were stopped is soon run again.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_ports[0]),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(log_ports[1]),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "HERDBOOK_HOME": str(settings.home),
        # standalone starts its parts by the name `airflow`
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    return {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")} | ours


class Airflow:
    """``airflow standalone`` under ``folder``. Ready once ``wait_until_ready`` returns; stop it in any case.

    Args:
        settings: of the Herdbook that its DAGs work on.
        folder: Airflow's own state.
        more: environment variables for its processes.

    Raises:
        MissingDependencyError: Airflow is not installed.
        NotFoundError: there are no DAGs here.
    """

    def __init__(self, settings: Settings, folder: Path, more: Mapping[str, str] = MappingProxyType({})) -> None:
        if importlib.util.find_spec("airflow") is None:
            raise MissingDependencyError("Airflow is not installed", "Install it: pip install 'herdbook[airflow]'")
        port, *log_ports = free_ports(3)
        self.url = f"http://127.0.0.1:{port}"
        self.folder = folder
        self.password_file = folder / "passwords.json"
        self.env = environment(settings, folder, port, (log_ports[0], log_ports[1])) | dict(more)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # its configuration holds secrets
        if not self.password_file.exists():
            write_durably(self.password_file, json.dumps({USER: secrets.token_urlsafe(16)}).encode(), mode=0o600)
        self.process = Background(
            "Airflow", [sys.executable, "-m", "airflow", "standalone"], folder / "standalone.log", self.env
        )
        self._client = httpx.Client(base_url=self.url, timeout=30)

    def stop(self) -> None:
        """Stop every process of it."""
        self._client.close()
        self.process.stop()

    def wait_until_ready(self, dag_ids: tuple[str, ...], timeout_s: float = 180) -> None:
        """Wait until every part is healthy and has read the DAGs, then switch these DAGs on."""
        self._wait("Airflow", self._healthy, timeout_s)
        password = json.loads(self.password_file.read_bytes())[USER]
        answer = self._client.post("/auth/token", json={"username": USER, "password": password}).raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        for dag_id in dag_ids:
            self._wait(f"DAG {dag_id}", lambda d=dag_id: self._client.get(f"/api/v2/dags/{d}").is_success, timeout_s)  # type: ignore[misc]
            self._call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> DagRun:
        """Start a run."""
        return _run(self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf or {}}))

    def backfill(self, dag_id: str, first: datetime, last: datetime) -> list[DagRun]:
        """Create the runs of a period, as ``airflow backfill create`` does; oldest first."""
        body = {"dag_id": dag_id, "from_date": first.isoformat(), "to_date": last.isoformat(), "max_active_runs": 1}
        self._call("POST", "/api/v2/backfills", body)
        return [run for run in reversed(self.runs(dag_id)) if run.run_id.startswith("backfill")]

    def runs(self, dag_id: str) -> list[DagRun]:
        """The latest runs of a DAG, newest first."""
        path = f"/api/v2/dags/{dag_id}/dagRuns?order_by=-run_after&limit=100"
        return [_run(row) for row in self._call("GET", path)["dag_runs"]]

    def wait(self, run: DagRun, timeout_s: float = 300) -> DagRun:
        """Wait until a run has ended.

        Raises:
            HerdbookError: it failed, or takes longer.
        """
        path = f"/api/v2/dags/{run.dag_id}/dagRuns/{quote(run.run_id)}"
        ended = self._wait(f"{run.dag_id} {run.run_id}", lambda: self._ended(path), timeout_s)
        if ended.state != "success":
            raise HerdbookError(f"the run {run.run_id} of {run.dag_id} failed", f"See the task's log at {self.url}.")
        return ended

    def wait_for_next(self, dag_id: str, run: DagRun, task_id: str, timeout_s: float = 300) -> DagRun:
        """Wait for the run of a DAG that was started after a task of another run had updated its asset.

        Airflow joins updates that come while the DAG cannot run: the run may be one that an earlier update asked for.

        Raises:
            HerdbookError: it failed, or does not come.
        """
        task = self._call("GET", f"/api/v2/dags/{run.dag_id}/dagRuns/{quote(run.run_id)}/taskInstances/{task_id}")
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

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        deadline = time.monotonic() + 60
        while (answer := self._client.request(method, path, json=body)).is_server_error:  # its database is busy
            if time.monotonic() > deadline:
                break
            time.sleep(1)
        if answer.is_error:
            raise HerdbookError(f"Airflow answers {answer.status_code} to {method} {path}: {answer.text[:500]}")
        return answer.json()

    def _wait(self, what: str, ask: Callable[[], T | None], timeout_s: float) -> T:
        deadline = time.monotonic() + timeout_s
        while not (answer := ask()):
            self.process.check()
            if time.monotonic() > deadline:
                raise HerdbookError(f"{what}: nothing within {timeout_s:g} s", f"See {self.process.log}.")
            time.sleep(0.25)
        return answer


def _run(row: dict[str, Any]) -> DagRun:
    started = row["start_date"]
    return DagRun(row["dag_id"], row["dag_run_id"], row["state"], datetime.fromisoformat(started) if started else None)
