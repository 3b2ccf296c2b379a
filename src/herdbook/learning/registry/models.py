"""Registered models: versions with their files, and the aliases ``challenger`` and ``champion``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herdbook.errors import InputError, NotFoundError
from herdbook.learning.registry.store import open_store, registry_errors_are_said
from herdbook.learning.registry.tracking import DIRTY_TAG, Run
from herdbook.settings import Settings

COMPACT, SAM3 = "herdbook-compact", "herdbook-sam3"
MODELS = (COMPACT, SAM3)
"""Each has a champion of its own."""
CHALLENGER, CHAMPION = "challenger", "champion"
DIGEST_TAG, EVALUATION_TAG = "herdbook.digest", "herdbook.evaluation"
WEIGHTS = "weights"
"""Folder, among a version's files, of what a release is exported from: ``student``, ``behaviour``."""


@dataclass(frozen=True)
class Version:
    """One version of a model."""

    model: str
    number: int
    run_id: str
    digest: str
    """Of the engine that runs it: `evaluation.predictions.Engine.digest`."""
    dirty: bool
    """Whether its run was made from what is not committed."""
    evaluation: str | None = None
    """Where its evaluation lies among its run's artifacts."""
    place: str = "model"
    """Where its files lie there."""


def register(run: Run, model: str, files: Sequence[Path], digest: str, weights: Path | None = None) -> Version:
    """Keep a run's files as a new version, and make it the challenger. A run's same version is registered once.

    Args:
        run: that made it.
        model: `COMPACT` or `SAM3`.
        files: safetensors, ONNX and what belongs to them; at least one.
        digest: of the engine that runs it.
        weights: a folder of what a release is exported from, kept as `WEIGHTS`.

    Raises:
        InputError: the model is none of ours, or there is no file.
        RegistryError: the registry cannot be used; no alias was moved.
    """
    _check(model)
    if not files or not all(path.is_file() for path in files):
        raise InputError(f"{model}: a file of the model is not there: {[str(p) for p in files if not p.is_file()]}")
    client, settings = run.client, run.settings
    with registry_errors_are_said(settings):
        if not client.search_registered_models(f"name = '{model}'"):
            client.create_registered_model(model)
        found = [v for v in client.search_model_versions(f"run_id = '{run.run_id}'") if v.name == model]
        same = next((v for v in found if v.tags.get(DIGEST_TAG) == digest), None)
        if same is None:
            for path in files:
                client.log_artifact(run.run_id, str(path), model)
            if weights is not None:
                client.log_artifacts(run.run_id, str(weights), f"{model}/{WEIGHTS}")
            record = client.get_run(run.run_id)
            tags = {DIGEST_TAG: digest, DIRTY_TAG: record.data.tags.get(DIRTY_TAG, "true")}
            same = client.create_model_version(model, f"{record.info.artifact_uri}/{model}", run.run_id, tags=tags)
        client.set_registered_model_alias(model, CHALLENGER, str(same.version))
    return _version(same)


def versions_of(settings: Settings, run_id: str) -> list[Version]:
    """Versions that a run registered.

    Raises:
        RegistryError: the registry cannot be used.
    """
    client = open_store(settings)
    with registry_errors_are_said(settings):
        return [_version(found) for found in client.search_model_versions(f"run_id = '{run_id}'")]


def find(settings: Settings, model: str, which: int | str) -> Version | None:
    """A version by its number or alias; none where there is none.

    Raises:
        InputError: the model is none of ours.
        RegistryError: the registry cannot be used.
    """
    _check(model)
    client = open_store(settings)
    from mlflow.exceptions import MlflowException

    with registry_errors_are_said(settings):
        try:
            if isinstance(which, int):
                return _version(client.get_model_version(model, str(which)))
            return _version(client.get_model_version_by_alias(model, which))
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise


def require(settings: Settings, model: str, which: int | str) -> Version:
    """`find`, or an error.

    Raises:
        NotFoundError: there is no such version.
    """
    version = find(settings, model, which)
    if version is None:
        raise NotFoundError(f"{model} has no version '{which}'", "MLflow's page lists models, versions and aliases.")
    return version


def move_champion(settings: Settings, model: str, number: int | None) -> None:
    """Point the alias ``champion`` to a version, or take it away. `promotion` alone calls this."""
    client = open_store(settings)
    with registry_errors_are_said(settings):
        if number is None:
            client.delete_registered_model_alias(model, CHAMPION)
        else:
            client.set_registered_model_alias(model, CHAMPION, str(number))


def download(settings: Settings, version: Version, folder: Path) -> Path:
    """A version's files, fetched into a folder; where they lie in it."""
    client = open_store(settings)
    with registry_errors_are_said(settings):
        return Path(client.download_artifacts(version.run_id, version.place, str(folder)))


def _check(model: str) -> None:
    if model not in MODELS:
        raise InputError(f"there is no model '{model}'", f"Known are: {', '.join(MODELS)}.")


def _version(found: Any) -> Version:
    return Version(
        model=found.name,
        number=int(found.version),
        run_id=found.run_id,
        digest=found.tags.get(DIGEST_TAG, ""),
        dirty=found.tags.get(DIRTY_TAG, "true") != "false",
        evaluation=found.tags.get(EVALUATION_TAG),
        place=found.source.rstrip("/").rsplit("/", 1)[-1],
    )
