"""The services of ``docker-compose.yml`` as processes of this machine: their own commands, variables, secrets and
health checks, with other ports, and folders for volumes. PostgreSQL and Redis are Debian's, S3 is moto's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from herdbook.demo.airflow import checkout
from herdbook.demo.airflow_api import AirflowApi
from herdbook.processes.background import Background, free_ports
from herdbook.settings import Settings
from support.postgres import running_cluster
from support.s3 import Store

PORTS = ("5432", "6379", "8333", "5000", "8080", "8760", "8974", "8793", "8794", "8795")
"""Of services within containers; the last ones are where task logs are read."""
AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer", "worker-io", "worker-learning")
_NOT_OURS = ("AIRFLOW", "HERDBOOK", "AWS", "MLFLOW", "PG")
PATIENT = (
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD",
    "AIRFLOW__TRIGGERER__RUNNER_HEALTH_CHECK_THRESHOLD",
    "AIRFLOW__DAG_PROCESSOR__HEALTH_CHECK_THRESHOLD",
    "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT",
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT",
)
"""Seconds after which Airflow would give somebody up who only waits for a processor."""
PATIENCE_S = 600.0
"""Longest wait for one service, on a machine that has much else to do."""


class _Loader(yaml.SafeLoader):
    """As Compose reads YAML: a key stands once in a mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = {key for key in keys if keys.count(key) > 1}
        assert not twice, f"{node.start_mark}: {', '.join(twice)} twice"
        return super().construct_mapping(node, deep)


def compose() -> dict[str, Any]:
    """The file, as Compose reads it."""
    document = yaml.load((checkout() / "docker-compose.yml").read_text(), _Loader)
    assert isinstance(document, dict)
    return document


class Cluster(AirflowApi):
    """The services that were started. Use it by `cluster`.

    Args:
        folder: volumes, secrets and logs.
        s3: stands in for the service of that name.
        more: variables for all services of the platform.
    """

    def __init__(self, folder: Path, s3: Store, more: Mapping[str, str]) -> None:
        self.folder = folder
        self.more = dict(more)
        self.ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
        self.ports["8333"] = s3.endpoint.rpartition(":")[2]
        self.processes: dict[str, Background] = {}
        self._services = compose()["services"]
        self._stack = ExitStack()
        super().__init__(f"http://127.0.0.1:{self.ports['8080']}", folder / "log")
        subprocess.run([checkout() / "docker" / "make-secrets.sh", folder / "secrets"], check=True)
        for secret in (folder / "secrets").iterdir():
            text = self._addresses(secret.read_text())
            mode = secret.stat().st_mode
            secret.chmod(0o600)
            secret.write_text(text)
            secret.chmod(mode)

    def translated(self, text: str, service: str) -> str:
        """What stands in the file, as it is here."""
        text = self._addresses(text)
        for port, ours in self.ports.items():
            text = re.sub(rf"(?<![\d.]){port}(?!\d)", ours, text)
        here = {
            "/run/secrets": self.folder / "mounted" / service,
            "/run/herdbook": self.folder / "private" / service,
            "/var/lib/airflow/logs": self.folder / "logs",
            "/var/lib/airflow": self.folder / "airflow" / service,
            "/var/lib/herdbook": self.folder / "home",
            "/var/lib/backups": self.folder / "backups",
            "/opt/herdbook": checkout(),
            "/data": self.folder / "data" / service,
        }
        for path, ours_now in here.items():
            text = re.sub(rf"(?<![\w.-]){path}(?![\w-])", str(ours_now), text)
        return text.replace("$$", "$").replace("0.0.0.0", "127.0.0.1")

    def _addresses(self, text: str) -> str:
        """Addresses of services, as they are here; all else in a secret is chance and stays."""
        pattern = rf"\b(?:{'|'.join(self._services)}):({'|'.join(PORTS)})(?!\w)"
        return re.sub(pattern, lambda found: f"127.0.0.1:{self.ports[found[1]]}", text)

    def variables(self, service: str) -> dict[str, str]:
        """What a service is told, and nothing that we were."""
        said = self._services[service].get("environment", {})
        defaults = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value)) for name, value in said.items()}
        ours = {name: self.translated(value, service) for name, value in defaults.items()}
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_OURS)}
        inherited["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        own = {"AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": self.ports["8974"]}
        own["AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT"] = self.ports["8794"]
        own |= dict.fromkeys(PATIENT, "900")
        worker = self.ports["8795" if service == "worker-learning" else "8793"]
        own["AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT"] = worker
        airflow = own | self.more if "AIRFLOW_HOME" in said else {}
        private = {"SECRETS": str(self._mounted(service)), "PRIVATE": str(self.folder / "private" / service)}
        return inherited | ours | airflow | private

    def _mounted(self, service: str) -> Path:
        """A folder with the secrets that the file gives the service."""
        folder, private = self.folder / "mounted" / service, self.folder / "private" / service
        if not folder.exists():
            folder.mkdir(parents=True)
            private.mkdir(parents=True)
            (self.folder / "data" / service).mkdir(parents=True)
            for secret in self._services[service].get("secrets", ()):
                shutil.copy(self.folder / "secrets" / secret, folder)
        return folder

    def start(self, *services: str) -> None:
        """Start services in the background."""
        for name in services:
            env = self.variables(name)
            command = [self.translated(str(part), name) for part in self._services[name]["command"]]
            ours = self._services[name]["image"].startswith("herdbook/")
            entry = [checkout() / "docker" / "entrypoint.sh"] if ours else []
            process = Background(name, [*entry, *command], self.folder / "log" / f"{name}.log", env)
            self.processes[name] = process
            self._stack.callback(process.stop)

    def run(self, service: str) -> None:
        """Run a service that does its work and ends."""
        self.start(service)
        assert self.processes.pop(service).wait(PATIENCE_S) == 0, (self.folder / "log" / f"{service}.log").read_text()

    def start_postgres(self) -> None:
        """The server, as the file sets it up: databases and roles by its own script, passwords asked for over TCP."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self.ports['5432']}"
        ways = ("--auth-host=scram-sha-256", "--auth-local=trust")
        socket = self._stack.enter_context(running_cluster(options, ways)).folder
        env = self.variables("postgres") | {"PGHOST": str(socket), "PGPORT": self.ports["5432"]}
        subprocess.run([checkout() / "docker" / "postgres-init.sh"], env=env, check=True, capture_output=True)

    def wait_until_well(self, *services: str) -> None:
        """Wait until the health checks of services say that they are."""
        for name in services:
            said: Sequence[str] = self._services[name]["healthcheck"]["test"]
            shell = ["sh", "-c"] if said[0] == "CMD-SHELL" else []
            command = [*shell, *(self.translated(part, name) for part in said[1:])]
            deadline = time.monotonic() + PATIENCE_S
            while True:
                done = subprocess.run(command, env=self.variables(name), capture_output=True, text=True, check=False)
                if done.returncode == 0:
                    break
                self.check()
                assert time.monotonic() < deadline, (name, done.stdout[-2000:], done.stderr[-2000:])
                time.sleep(1)

    def check(self) -> None:
        """Raise if a service has ended."""
        for process in self.processes.values():
            process.check()

    def settings(self) -> Settings:
        """Those of the platform's services."""
        said = {k.removeprefix("HERDBOOK_").lower(): v for k, v in self.variables("init").items() if "HERDBOOK_" in k}
        return Settings(**said)  # type: ignore[arg-type]

    def password(self) -> str:
        """Of Airflow's administrator."""
        found: dict[str, str] = json.loads((self.folder / "secrets" / "airflow-passwords.json").read_text())
        return found["admin"]

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """A run's task instances."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances"
        found: list[dict[str, Any]] = self._call("GET", path)["task_instances"]
        return found

    def stop(self) -> None:
        """Stop every service, the last started first."""
        self.close()
        self._stack.close()


@contextmanager
def cluster(folder: Path, s3: Store, more: Mapping[str, str] = {}) -> Iterator[Cluster]:
    """The file's services; databases are ready, the rest is to be started. All stop at the end."""
    made = Cluster(folder, s3, more)
    try:
        made.start_postgres()
        made.start("redis")
        made.wait_until_well("redis")
        made.run("init")
        yield made
    finally:
        made.stop()
