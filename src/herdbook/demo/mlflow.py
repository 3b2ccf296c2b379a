"""MLflow's pages over the registry, in the background."""

from __future__ import annotations

import importlib.util
import os
import sys
from contextlib import ExitStack

from herdbook.demo.place import Place
from herdbook.processes.background import Background, free_ports

_READY = r"Uvicorn running on|Application startup complete|Listening at"


def serve_mlflow(place: Place, stack: ExitStack) -> str | None:
    """Start MLflow's server; its address.

    A server that ``HERDBOOK_MLFLOW_URI`` names is not started again. None where MLflow is not installed.

    Args:
        place: of the demo.
        stack: ends the server when it is closed.

    Raises:
        RegistryError: the store cannot be used.
    """
    uri = place.settings.mlflow_tracking_uri
    if uri.startswith("http"):
        return uri
    if importlib.util.find_spec("mlflow") is None:
        return None
    from herdbook.learning.registry.store import experiment_id, open_store

    experiment_id(
        place.settings, open_store(place.settings)
    )  # tables and the place of artifacts, before the server looks
    (port,) = free_ports(1)
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", uri, "--default-artifact-root", (place.settings.registry / "artifacts").as_uri()),
    ]
    told = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = Background("MLflow", command, place.logs / "mlflow.log", os.environ | told)
    stack.callback(server.stop)
    server.wait_for(_READY, timeout_s=120)
    return f"http://127.0.0.1:{port}"
