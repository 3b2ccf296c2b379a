"""Which version is released, whether it may be, and what the registry keeps of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from herdbook.contracts.release import Provenance
from herdbook.errors import InputError, ReleaseRefusedError
from herdbook.learning.params import Profile, load_params
from herdbook.learning.registry.models import CHAMPION, MODELS, Version, download, require
from herdbook.learning.registry.store import registry_errors_are_said
from herdbook.learning.registry.tracking import RUN_TAG, found_run, origin_of
from herdbook.learning.retrain.record import PARAMS, REVISION_TAG
from herdbook.ledger.models import PromotionAction
from herdbook.ledger.promotions import history
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

_NAMED = re.compile(r"^(?P<model>[a-z0-9-]+)(?:@(?P<which>[a-z]+|[0-9]{1,9}))?$")


@dataclass(frozen=True)
class Chosen:
    """A version that may be released."""

    version: Version
    lab: bool
    """Whether it was never champion."""
    provenance: Provenance
    run_name: str | None
    """Of the run's workspace; none where it was registered from elsewhere."""
    revision: str | None
    """The commit of that workspace with all that came of the run."""


def named(said: str) -> tuple[str, int | str]:
    """``herdbook-compact``, ``herdbook-compact@3``, ``herdbook-compact@challenger`` → model, and number or alias; the
    champion where nothing is said.

    Raises:
        InputError: it is none of these.
    """
    found = _NAMED.match(said)
    if found is None or found["model"] not in MODELS:
        raise InputError(
            f"'{said}' names no version of a model",
            f"Known models are {', '.join(MODELS)}: MODEL, MODEL@3, MODEL@ALIAS.",
        )
    which = found["which"] or CHAMPION
    return found["model"], int(which) if which.isdigit() else which


def choose(settings: Settings, model: str, which: int | str, *, lab: bool = False) -> Chosen:
    """The version, if it may be released.

    Args:
        settings: where registry and ledger are.
        model: its name.
        which: number or alias.
        lab: whether one that was never champion may be.

    Raises:
        NotFoundError: there is no such version.
        ReleaseRefusedError: it was made from code that nobody committed, or was never champion.
        RegistryError: the registry cannot be used.
    """
    version = require(settings, model, which)
    name = f"{model} version {version.number}"
    if version.dirty:
        raise ReleaseRefusedError(
            f"{name} was made from code, parameters or a lock that were not committed",
            "Commit them and train again: nobody could say later what the fleet ran.",
        )
    reigned = _was_champion(settings, version)
    if not reigned and not lab:
        raise ReleaseRefusedError(
            f"{name} was never champion: no gate has judged it",
            "Promote it first (`herdbook promote`), or release it with --lab, for devices that are named one by one.",
        )
    client, run = found_run(settings, version.run_id)
    origin = origin_of(run)
    with registry_errors_are_said(settings):
        registered = client.get_model_version(model, str(version.number))
    provenance = Provenance(
        model=model,
        version=version.number,
        run_id=version.run_id,
        git_revision=(origin.git_revision or f"herdbook-{origin.version}") if origin else "unknown",
        data_revision=_data_revision(run),
        made_at=datetime.fromtimestamp(registered.creation_timestamp / 1000, UTC),
    )
    tags = run.data.tags
    return Chosen(version, not reigned, provenance, tags.get(RUN_TAG), tags.get(REVISION_TAG))


def fetch(settings: Settings, chosen: Chosen, folder: Path) -> tuple[Path, Profile]:
    """The version's files as registered, and the parameters of its run; the shipped ones where it kept none."""
    files = download(settings, chosen.version, folder)
    client, _ = found_run(settings, chosen.version.run_id)
    with registry_errors_are_said(settings):
        kept = {entry.path for entry in client.list_artifacts(chosen.version.run_id, str(Path(PARAMS).parent))}
        told = Path(client.download_artifacts(chosen.version.run_id, PARAMS, str(folder))) if PARAMS in kept else None
    return files, load_params(told).chosen


def _was_champion(settings: Settings, version: Version) -> bool:
    with ledger_session(settings) as session:
        return any(
            decision.action is PromotionAction.PROMOTE and decision.to_version == version.number
            for decision in history(session, version.model)
        )


def _data_revision(run: object) -> str:
    """DVC's hash of the dataset that the run learned from, as its record has it; MLflow keeps it as a digest."""
    inputs = getattr(getattr(run, "inputs", None), "dataset_inputs", None) or ()
    return next((str(entry.dataset.digest) for entry in inputs if entry.dataset.name == "dataset"), "unknown")
