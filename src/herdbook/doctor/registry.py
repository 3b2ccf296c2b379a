"""MLflow: it answers, and its version goes with ours."""

from __future__ import annotations

from importlib.util import find_spec

from herdbook.doctor.findings import Finding, Verdict
from herdbook.lake.attach import redact
from herdbook.settings import Settings


def mlflow(settings: Settings) -> Finding:
    """The store of runs and models, as training will open it. One that nobody has used yet is not made."""
    uri = settings.mlflow_tracking_uri
    if find_spec("mlflow") is None:
        return _from_outside(uri) if uri.startswith("http") else Finding("mlflow", Verdict.ABSENT, "not installed")
    if not settings.mlflow_uri and not (settings.registry / "mlflow.sqlite").exists():
        return Finding("mlflow", Verdict.ABSENT, "nothing was trained yet")
    from mlflow.version import VERSION

    from herdbook.learning.registry.store import open_store, registry_errors_are_said

    client = open_store(settings)
    with registry_errors_are_said(settings):
        models = len(client.search_registered_models(max_results=100))
    said = f"{redact(uri)}: {models} models"
    if uri.startswith("http") and (theirs := _server_version(uri)) != VERSION:
        return Finding(
            "mlflow",
            Verdict.WARN,
            f"{said}; the server is {theirs}, this machine has {VERSION}",
            "Run both at one version: the one in requirements.lock.",
        )
    return Finding("mlflow", Verdict.OK, f"{said}, version {VERSION}")


def _from_outside(uri: str) -> Finding:
    """Whether a server answers, where MLflow is not installed: on workers that only fetch and load."""
    version = _server_version(uri)
    if version == "unknown":
        remedy = "Check that it runs and can be reached from here, and HERDBOOK_MLFLOW_URI."
        return Finding("mlflow", Verdict.FAIL, f"{redact(uri)} does not answer", remedy)
    return Finding("mlflow", Verdict.OK, f"{redact(uri)} answers, version {version}; not installed here")


def _server_version(uri: str) -> str:
    import httpx

    try:
        answer = httpx.get(f"{uri.rstrip('/')}/version", timeout=10)
    except httpx.HTTPError:
        return "unknown"
    return answer.text.strip() if answer.is_success else "unknown"
