"""Where MLflow keeps runs and models: opened once per process, its tables made or brought up to date under a lock."""

from __future__ import annotations

import fcntl
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from herdbook import object_store
from herdbook.contracts.durable import make_folder
from herdbook.errors import MissingDependencyError, RegistryError
from herdbook.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "herdbook"
_DATABASE = re.compile(r"(sqlite|postgresql)(\+\w+)?://")


def open_store(settings: Settings) -> MlflowClient:
    """A client of the configured store, ready to be used by several processes at once.

    Raises:
        MissingDependencyError: MLflow is not installed.
        RegistryError: the store cannot be reached, made or brought up to date.
    """
    _quietly()
    if object_store.is_object_store(settings.mlflow_artifacts) and _DATABASE.match(settings.mlflow_tracking_uri):
        os.environ.update(object_store.variables(settings))  # MLflow goes there itself, and takes no other advice
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise MissingDependencyError("runs and models need the extra 'learning' (MLflow)") from error
    uri = settings.mlflow_tracking_uri
    with registry_errors_are_said(settings):
        if _DATABASE.match(uri):
            _prepare(uri, settings)
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


def experiment_id(settings: Settings, client: MlflowClient, name: str = EXPERIMENT) -> str:
    """The experiment of that name, made where it is missing.

    Artifacts of a database store lie where ``HERDBOOK_MLFLOW_ARTIFACTS`` says, by default below
    ``$HERDBOOK_HOME/registry``; a server says itself where.
    """
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    place = None
    if _DATABASE.match(settings.mlflow_tracking_uri):
        place = settings.mlflow_artifacts_place
        if "://" not in place:
            place = make_folder(Path(place)).absolute().as_uri()
    try:
        return client.create_experiment(name, artifact_location=place)
    except MlflowException:  # another process was faster
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)


@contextmanager
def registry_errors_are_said(settings: Settings) -> Iterator[None]:
    """Turn what goes wrong between us and the store into a `RegistryError`. The URI is told without its password."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
        where = re.sub(r"//[^/@]*@", "//", settings.mlflow_tracking_uri)
        said = str(getattr(error, "orig", None) or error).splitlines()[0][:300]
        raise RegistryError(f"the registry at {where} cannot be used: {re.sub(r'//[^/@]*@', '//', said)}") from error


def _quietly() -> None:
    """No report of our use to others, no minutes of retries before a dead server is said to be one, and no word on
    stdout, which is our commands' own: with a server MLflow would print links there.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _prepare(uri: str, settings: Settings) -> None:
    """Tables of the version that is installed: two first users at once would race."""
    if uri not in _ready():
        make_folder(settings.registry)
        with (settings.registry / ".mlflow.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _upgrade(uri)
        _ready().add(uri)


@cache
def _ready() -> set[str]:
    """Stores that this process has seen to."""
    return set()


def _upgrade(uri: str) -> None:
    """What ``mlflow db upgrade`` does, and the tables themselves where there are none."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.db import utils
    from sqlalchemy import create_engine

    engine = create_engine(uri)
    try:
        utils._safe_initialize_tables(engine)
        try:
            utils._verify_schema(engine)  # type: ignore[no-untyped-call]
        except MlflowException:
            utils._upgrade_db(engine)  # type: ignore[no-untyped-call]
    finally:
        engine.dispose()
