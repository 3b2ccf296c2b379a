"""What a home consists of that a night cannot make again: three databases, and folders.

What names comes before what is named: the catalog before its Parquet files, the signed repository's timestamp before
its releases, MLflow's database before its artifacts, Git's commits before DVC's cache.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from herdbook.backup.databases import Database
from herdbook.backup.objects import Prefix
from herdbook.backup.tree import Tree
from herdbook.errors import ConfigurationError
from herdbook.lake.attach import parse_catalog
from herdbook.object_store import is_object_store
from herdbook.settings import Settings

CATALOG, LEDGER, MLFLOW = "catalog", "ledger", "mlflow"
DATA, ARTIFACTS = "data", "artifacts"
PIPELINE = "pipeline.bundle"
"""Every commit of every training run, as Git writes one file of them."""

_TIMESTAMP = "repository/metadata/timestamp.json"
"""Below ``releases``: names the state of the signed repository (`herdbook.fleet.trust.store`), like a catalog."""
_MADE_ANEW = {"predictions", "targets", "code", "reread", "runs", "ablations", "leave-out"}
"""Entries of the registry that other runs make again; what is committed of ``runs`` is in `PIPELINE` and the cache."""
_ELSEWHERE = {"artifacts", "cache", "pipeline.git", "mlflow.sqlite", "mlflow.sqlite-wal", "mlflow.sqlite-shm"}


def databases(settings: Settings) -> dict[str, Database]:
    """The databases, by name, in the order in which they are copied. MLflow's is missing behind a bare server.

    Raises:
        ConfigurationError: a setting names none.
    """
    catalog = parse_catalog(settings)
    found = {
        CATALOG: Database(catalog.kind, catalog.target),
        LEDGER: _of_url(settings.ledger_database_url, "HERDBOOK_LEDGER_URL"),
    }
    if not _is_server(settings.mlflow_database_url):
        found[MLFLOW] = _of_url(settings.mlflow_database_url, "HERDBOOK_MLFLOW_STORE")
    return found


def folders(settings: Settings) -> list[Tree | Prefix]:
    """The folders and prefixes of an object store, in the order in which they are copied.

    What lies in an object store is left out where ``settings.backup_objects`` says so, and MLflow's files where only
    its server knows where they are: `not_here` says it.
    """
    registry = settings.registry
    found = [
        _place(settings, DATA, settings.lake_data_path, frozen=True),
        Tree("releases", settings.releases, frozen=True, first=(_TIMESTAMP,)),
        Tree("landing", settings.landing, frozen=True),
        Tree("quarantine", settings.quarantine, frozen=True),
        Tree("inbox", settings.inbox, frozen=False),
        Tree("sync", settings.sync, frozen=False),
        Tree("registry", registry, frozen=False, leave_out=_MADE_ANEW | _ELSEWHERE | _hidden(registry)),
        Tree("cache", registry / "cache", frozen=True),
        None if _server_alone_knows(settings) else _place(settings, ARTIFACTS, settings.mlflow_artifacts_place),
    ]
    return [place for place in found if place is not None]


def not_here(settings: Settings) -> dict[str, str]:
    """What a backup does not hold, with what to do about it."""
    missing = {
        "secrets": "keep copies of tokens and keys where the offline keys are",
        "footage": "on its own disk",
        "airflow": "its own database, with the connections for alerts: `airflow connections export FILE` keeps those",
    }
    if _is_server(settings.mlflow_database_url):
        missing[MLFLOW] = "behind a server: HERDBOOK_MLFLOW_STORE may name its database"
    if _server_alone_knows(settings):
        missing[ARTIFACTS] = (
            "models' files are kept by MLflow's server: HERDBOOK_MLFLOW_ARTIFACTS may name their place, which its"
            " --artifacts-destination says"
        )
    if not settings.backup_objects:
        places = {DATA: settings.lake_data_path, ARTIFACTS: settings.mlflow_artifacts_place}
        missing |= {name: place for name, place in places.items() if is_object_store(place)}
    return missing


def _server_alone_knows(settings: Settings) -> bool:
    """Whether nobody told us where MLflow's files are."""
    return _is_server(settings.mlflow_tracking_uri) and not settings.mlflow_artifacts


def _is_server(address: str) -> bool:
    return address.startswith(("http:", "https:"))


def _place(settings: Settings, name: str, place: str, *, frozen: bool = False) -> Tree | Prefix | None:
    if not is_object_store(place):
        return Tree(name, Path(place), frozen=frozen)
    return Prefix(name, place, settings) if settings.backup_objects else None


def _hidden(folder: Path) -> set[str]:
    """Locks, and what is under way."""
    return {path.name for path in folder.glob(".*")}


def _of_url(url: str, setting: str) -> Database:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"{setting} is not a database URL") from None  # it may hold a password
    kind = parsed.get_backend_name()
    if kind == "sqlite" and parsed.database:
        return Database("sqlite", parsed.database)
    if kind == "postgresql":
        return Database("postgres", parsed.set(drivername="postgresql").render_as_string(hide_password=False))
    raise ConfigurationError(f"{setting}: '{kind}' is neither sqlite nor postgresql")
