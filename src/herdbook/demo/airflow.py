"""A real Airflow of our own: scheduler, triggerer and web server in the background."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import herdbook
from herdbook.contracts.durable import write_durably
from herdbook.demo.airflow_api import AirflowApi
from herdbook.errors import MissingDependencyError, NotFoundError
from herdbook.processes.background import Background, free_ports
from herdbook.settings import Settings

USER = "admin"


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


class Airflow(AirflowApi):
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
        log = folder / "standalone.log"
        super().__init__(f"http://127.0.0.1:{port}", log)
        self.folder = folder
        self.password_file = folder / "passwords.json"
        self.env = environment(settings, folder, port, (log_ports[0], log_ports[1])) | dict(more)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # its configuration holds secrets
        if not self.password_file.exists():
            write_durably(self.password_file, json.dumps({USER: secrets.token_urlsafe(16)}).encode(), mode=0o600)
        self.process = Background("Airflow", [sys.executable, "-m", "airflow", "standalone"], log, self.env)

    def stop(self) -> None:
        """Stop every process of it."""
        self.close()
        self.process.stop()

    def check(self) -> None:
        """Raise if it has ended."""
        self.process.check()

    def wait_until_ready(self, dag_ids: tuple[str, ...], timeout_s: float = 180) -> None:
        """Wait until every part is healthy and has read the DAGs, then switch these DAGs on."""
        self.wait_until_healthy(timeout_s)
        self.log_in(USER, json.loads(self.password_file.read_bytes())[USER])
        for dag_id in dag_ids:
            self.switch_on(dag_id, timeout_s)
