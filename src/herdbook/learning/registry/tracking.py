"""Runs: what they were made from, how they went, and what they left."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from herdbook.errors import NotFoundError
from herdbook.learning.registry.origin import Origin
from herdbook.learning.registry.store import EXPERIMENT, experiment_id, open_store, registry_errors_are_said
from herdbook.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from herdbook.learning.registry.data_source import DataUse

ORIGIN_TAG = "herdbook.origin"
DIRTY_TAG = "herdbook.dirty"
RUN_TAG = "herdbook.run"
"""Name of the run's workspace."""
_BATCH = 100
_LONGEST = 6000


@dataclass(frozen=True)
class Run:
    """A run under way."""

    run_id: str
    settings: Settings
    client: MlflowClient

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters; nested ones get dotted names."""
        from mlflow.entities import Param

        flat = [Param(name, str(value)[:_LONGEST]) for name, value in flatten(values).items()]
        with registry_errors_are_said(self.settings):
            for begin in range(0, len(flat), _BATCH):
                self.client.log_batch(self.run_id, params=flat[begin : begin + _BATCH])

    def metrics(self, values: Mapping[str, float | None], step: int = 0, *, at_ms: int | None = None) -> None:
        """Log points of curves; what is none is left out. The same point with the same time is kept once."""
        self.curves([(step, values)], at_ms=at_ms)

    def curves(self, rows: Iterable[tuple[int, Mapping[str, float | None]]], *, at_ms: int | None = None) -> None:
        """Log many points: steps with their values; ``at_ms`` is their time in milliseconds since 1970, now if none."""
        from mlflow.entities import Metric

        at = time.time_ns() // 1_000_000 if at_ms is None else at_ms
        points = [Metric(n, float(v), at, step) for step, values in rows for n, v in values.items() if v is not None]
        with registry_errors_are_said(self.settings):
            for begin in range(0, len(points), 10 * _BATCH):
                self.client.log_batch(self.run_id, metrics=points[begin : begin + 10 * _BATCH])

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        with registry_errors_are_said(self.settings):
            for name, value in values.items():
                self.client.set_tag(self.run_id, name, value)

    def data(self, use: DataUse, context: str = "training") -> None:
        """Log data as an input, with its DVC revision."""
        from mlflow.entities import DatasetInput, InputTag

        from herdbook.learning.registry.data_source import as_dataset

        tags = [InputTag("mlflow.data.context", context)]
        entity = as_dataset(use)._to_mlflow_entity()
        with registry_errors_are_said(self.settings):
            self.client.log_inputs(self.run_id, [DatasetInput(entity, tags)])

    def file(self, path: Path, folder: str | None = None) -> None:
        """Keep a file, or the content of a folder: pictures, curves, models."""
        with registry_errors_are_said(self.settings):
            if path.is_dir():
                self.client.log_artifacts(self.run_id, str(path), folder)
            else:
                self.client.log_artifact(self.run_id, str(path), folder)


@contextmanager
def start_run(
    settings: Settings,
    name: str,
    origin: Origin,
    *,
    experiment: str = EXPERIMENT,
    tags: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Run]:
    """A run for the block; an exception ends it as failed, an interruption as killed.

    Args:
        settings: where runs are kept.
        name: for people.
        origin: what it is made from, taken before anything was written.
        experiment: group of runs, made where it is missing.
        tags: more to find it by.

    Raises:
        RegistryError: the store cannot be used.
    """
    client = open_store(settings)
    said = {
        ORIGIN_TAG: origin.model_dump_json(),
        DIRTY_TAG: str(origin.dirty).lower(),
        "mlflow.source.git.commit": origin.git_revision or "",
        "mlflow.runName": name,
        **tags,
    }
    with registry_errors_are_said(settings):
        created = client.create_run(experiment_id(settings, client, experiment), tags=said, run_name=name)
    with _until_its_end(Run(created.info.run_id, settings, client)) as run:
        yield run


@contextmanager
def continue_run(settings: Settings, run_id: str) -> Iterator[Run]:
    """`start_run` for a run that ended, or whose process did.

    Raises:
        NotFoundError: there is none of that id.
        RegistryError: the store cannot be used.
    """
    run = resume_run(settings, run_id)
    with registry_errors_are_said(settings):
        run.client.update_run(run_id, status="RUNNING")
    with _until_its_end(run):
        yield run


def run_of_workspace(settings: Settings, name: str) -> Any | None:
    """MLflow's record of the run whose workspace has that name, if there is one.

    Raises:
        RegistryError: the store cannot be used.
    """
    client = open_store(settings)
    with registry_errors_are_said(settings):
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        found = client.search_runs(experiments, f"tags.`{RUN_TAG}` = '{name}'", max_results=1)
    return found[0] if found else None


@contextmanager
def _until_its_end(run: Run) -> Iterator[Run]:
    try:
        yield run
    except KeyboardInterrupt:
        _end(run, "KILLED")
        raise
    except BaseException:
        _end(run, "FAILED")
        raise
    with registry_errors_are_said(run.settings):
        run.client.set_terminated(run.run_id, "FINISHED")


def resume_run(settings: Settings, run_id: str) -> Run:
    """A run of before, to add to.

    Raises:
        NotFoundError: there is none of that id.
        RegistryError: the store cannot be used.
    """
    return Run(run_id, settings, found_run(settings, run_id)[0])


def found_run(settings: Settings, run_id: str) -> tuple[MlflowClient, Any]:
    """A client, and MLflow's own record of a run.

    Raises:
        NotFoundError: there is none of that id.
        RegistryError: the store cannot be used.
    """
    client = open_store(settings)
    from mlflow.exceptions import MlflowException

    with registry_errors_are_said(settings):
        try:
            return client, client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise NotFoundError(f"there is no run '{run_id}'", "MLflow's page lists runs with their ids.") from error


def origin_of(run: Any) -> Origin | None:
    """What MLflow's record of a run says it was made from; none where it is not one of ours."""
    said = run.data.tags.get(ORIGIN_TAG)
    return None if said is None else Origin.model_validate_json(said)


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted names; lists as JSON."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = json.dumps(value) if isinstance(value, list | tuple) else value
    return flat


def _end(run: Run, status: str) -> None:
    """Say how a run ended, as far as the store can still be told: what ended it matters more."""
    from contextlib import suppress

    with suppress(Exception):
        run.client.set_terminated(run.run_id, status)
