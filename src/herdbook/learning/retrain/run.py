"""A training run from its sources to a challenger. Ended at any moment, the same call goes on."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from herdbook.contracts.durable import make_folder
from herdbook.errors import FileFormatError, InputError, NotFoundError, WorkspaceError
from herdbook.learning.datasets.sources import SourceList
from herdbook.learning.params import Params, load_params
from herdbook.learning.registry.models import Version, versions_of
from herdbook.learning.registry.origin import Origin, take_origin
from herdbook.learning.registry.store import open_store
from herdbook.learning.registry.tracking import RUN_TAG, Run, continue_run, run_of_workspace, start_run
from herdbook.learning.retrain.overrides import override
from herdbook.learning.retrain.pipeline import stages_of
from herdbook.learning.retrain.record import REVISION_TAG, record_begin, record_models, record_stage
from herdbook.learning.retrain.stage import StageRun, run_stage
from herdbook.learning.workspace import Workspace, create_workspace, open_workspace
from herdbook.learning.workspace.code import code_digests
from herdbook.learning.workspace.run import require_run_id
from herdbook.settings import Settings

ORIGIN = "origin.json"
_SAME = ("lock_sha256", "environment_sha256", "python")
"""What must not change between the beginning of a run and its going on, beside the code of its stages."""


class Listener:
    """Told how a run goes; does nothing."""

    def begins(self, stage: str, number: int, count: int) -> None:
        """A stage begins, counted from 1."""

    def ended(self, run: StageRun) -> None:
        """A stage is done and recorded."""


@dataclass(frozen=True)
class Retrained:
    """What a run came to."""

    run_id: str
    mlflow_run_id: str
    revision: str
    dirty: bool
    finished_before: bool
    """Whether there was nothing left to do."""
    stages: tuple[StageRun, ...]
    versions: tuple[Version, ...]
    """Registered as challengers."""


def new_run_id(profile: str, now: datetime | None = None) -> str:
    """A name for a run that begins now."""
    return f"{profile[:40]}-{now or datetime.now(UTC):%Y%m%dt%H%M%S}"


def retrain(
    settings: Settings,
    run_id: str,
    *,
    profile: str | None = None,
    values: Mapping[str, Any] | None = None,
    params: Params | None = None,
    sources: Callable[[], SourceList],
    listener: Listener | None = None,
    tags: Mapping[str, str] | None = None,
    register: bool = True,
) -> Retrained:
    """Begin a run or go on with it, to its end: a challenger.

    Args:
        settings: where the registry is.
        run_id: names its workspace.
        profile: of the parameters; the file's own if not given.
        values: parameters that are changed, by dotted path below the profile.
        params: the parameters; the shipped ones if not given.
        sources: gathers what there is to learn from; asked only where the run begins.
        listener: is told how it goes.
        tags: more for MLflow's record.
        register: whether models are registered in the end.

    Raises:
        RegistryError: MLflow cannot be used; no alias was moved.
        InputError: the run was begun with other parameters or code, or cannot be begun with these.
        WorkspaceError: somebody else is at it, or Git or DVC refused.
        HerdbookError: a stage failed; of the class that it failed with.
    """
    origin = take_origin()
    with only_one(settings, run_id):
        run_of_workspace(settings, run_id)  # a registry that is down is said before hours of work
        asked = params or load_params(profile=profile)
        if profile is not None:
            asked = Params.model_validate(asked.model_dump() | {"profile": profile})
        changed = override(asked, values or {})
        given = params is not None or profile is not None or bool(values)
        workspace = _begun(settings, run_id, changed, given=given, sources=sources, origin=origin)
        with recorded(settings, run_id, origin_in(workspace), tags or {}) as (run, finished):
            if finished:
                found = tuple(versions_of(settings, run.run_id))
                return Retrained(run_id, run.run_id, workspace.revision(), origin.dirty, True, (), found)
            record_begin(run, load_params(workspace.folder / "params.yaml"), workspace)
            done = run_stages(run, workspace, listener or Listener())
            run.tags({REVISION_TAG: workspace.revision()})
            versions = record_models(run, workspace, stages_of(workspace.folder)) if register else []
    return Retrained(run_id, run.run_id, workspace.revision(), origin.dirty, False, tuple(done), tuple(versions))


def run_stages(
    run: Run,
    workspace: Workspace,
    listener: Listener,
    *,
    force: bool = False,
    keep: frozenset[str] = frozenset(),
    code: Path | None = None,
) -> list[StageRun]:
    """Every stage of a workspace, one after the other, each recorded as it ends.

    Args:
        run: MLflow's record.
        workspace: of the run.
        listener: is told how it goes.
        force: run every stage, whatever is there.
        keep: stages that are not forced.
        code: a checkout whose code runs.
    """
    stages = stages_of(workspace.folder)
    done = []
    for number, stage in enumerate(stages, start=1):
        listener.begins(stage.name, number, len(stages))
        done.append(run_stage(workspace, stage.name, force=force and stage.name not in keep, code=code))
        record_stage(run, workspace, stage, done[-1])
        listener.ended(done[-1])
    return done


@contextmanager
def only_one(settings: Settings, run_id: str) -> Iterator[None]:
    """One process at a time works on a run; the others are told so at once."""
    require_run_id(run_id)
    folder = make_folder(settings.registry.absolute() / "runs")
    with (folder / f".{run_id}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WorkspaceError(
                f"another process is working on run {run_id}", "Wait until it is done, or begin a run of another name."
            ) from error
        yield


@contextmanager
def recorded(
    settings: Settings, name: str, origin: Origin, tags: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[Run, bool]]:
    """MLflow's record of the run of that name, begun or continued; and whether it was finished before.

    Args:
        settings: where the registry is.
        name: of the run.
        origin: what it is made from.
        tags: more to find it by.
    """
    record = run_of_workspace(settings, name)
    if record is not None and record.info.status == "FINISHED":
        yield Run(record.info.run_id, settings, open_store(settings)), True
        return
    block: AbstractContextManager[Run]
    if record is not None:
        block = continue_run(settings, record.info.run_id)
    else:
        block = start_run(settings, name, origin, tags={RUN_TAG: name, **tags})
    with block as run:
        yield run, False


def origin_in(workspace: Workspace) -> Origin:
    """What the workspace's run is made from.

    Raises:
        FileFormatError: its ``origin.json`` is not there or was altered.
    """
    try:
        return Origin.model_validate_json((workspace.folder / ORIGIN).read_bytes())
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"{workspace.folder / ORIGIN} does not say what run {workspace.run_id} is made from",
            "Begin a new run.",
        ) from error


def _begun(
    settings: Settings,
    run_id: str,
    params: Params,
    *,
    given: bool,
    sources: Callable[[], SourceList],
    origin: Origin,
) -> Workspace:
    try:
        workspace = open_workspace(settings, run_id)
    except NotFoundError:
        found = sources()
        return create_workspace(settings, run_id, params, found, {ORIGIN: origin_bytes(origin)})
    if given and load_params(workspace.folder / "params.yaml") != params:
        raise InputError(
            f"run {run_id} was begun with other parameters",
            "Give none to go on with it, or begin a run of another name: what is the same comes from the cache.",
        )
    before = origin_in(workspace)
    other = [name for name in _SAME if getattr(before, name) != getattr(origin, name)]
    code = json.loads((workspace.folder / "code.json").read_bytes())
    other += [f"code of {stage}" for stage, digest in code_digests().items() if code.get(stage) != digest]
    if other:
        raise InputError(
            f"run {run_id} was begun with other code or libraries ({', '.join(other)})",
            "Begin a run of another name: stages whose code, parameters and inputs are the same come from the cache.",
        )
    return workspace


def origin_bytes(origin: Origin) -> bytes:
    """``origin.json``."""
    return (origin.model_dump_json(indent=1) + "\n").encode()
