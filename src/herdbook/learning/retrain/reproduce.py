"""A run made again from its revision, in a workspace of its own, and compared with what it came to."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Literal

from herdbook.contracts.camera import Contract
from herdbook.contracts.durable import write_durably
from herdbook.errors import InputError, NotFoundError, StorageError
from herdbook.learning.datasets.sources import read_sources, resolve
from herdbook.learning.params import load_params
from herdbook.learning.registry.models import require
from herdbook.learning.registry.reproduce import RunComparison, compare_runs
from herdbook.learning.registry.tracking import RUN_TAG, found_run, origin_of, run_of_workspace
from herdbook.learning.retrain.old_code import code_of, origin_with
from herdbook.learning.retrain.pipeline import stages_of
from herdbook.learning.retrain.record import REVISION_TAG, STAGE_TAG, record_begin
from herdbook.learning.retrain.run import ORIGIN, Listener, only_one, origin_bytes, recorded, run_stages
from herdbook.learning.workspace import Workspace, open_workspace, restore_workspace
from herdbook.settings import Settings

_VERSION = re.compile(r"^(?P<model>[a-z0-9-]+)@(?P<which>[a-z0-9]+)$")
_DATASET = "dataset"


class Output(Contract):
    """Something that a stage wrote."""

    stage: str
    path: str
    same: bool
    """Whether it is the same to the byte."""


class Reproduction(Contract):
    """What came of making a run again."""

    original: str
    """Name of its workspace."""
    run: str
    """Name of the new one."""
    same: bool
    """Whether every figure is the same."""
    code: Literal["same", "checked out", "other"]
    """``checked out``: the run's commit was; ``other``: its code could not be had, today's was used."""
    kept: tuple[str, ...]
    """Stages whose inputs are gone: what they made is taken as it was."""
    comparison: RunComparison
    outputs: tuple[Output, ...]


def reproduce(
    settings: Settings, which: str, run_id: str | None = None, listener: Listener | None = None
) -> Reproduction:
    """Run every stage of a finished run again, with its parameters, sources and code. Ended, the same call goes on.

    Args:
        settings: where the registry is.
        which: name of its workspace, its id in MLflow, or ``MODEL@VERSION`` or ``MODEL@ALIAS``.
        run_id: of the new run; the old one's with ``-again`` if not given.
        listener: is told how it goes.

    Raises:
        NotFoundError: there is no such run.
        InputError: it is not finished.
        HerdbookError: a stage failed.
    """
    record = find_run(settings, which)
    name, origin = record.data.tags[RUN_TAG], origin_of(record)
    revision = record.data.tags.get(REVISION_TAG)
    if revision is None or origin is None:
        raise InputError(f"run {name} is not finished", "Finish it with `herdbook learn retrain --run`.")
    again = run_id or f"{name[:57]}-again"
    if again == name:
        raise InputError(f"run {name} cannot be made again in its own workspace", "Give another name with --run.")
    code = code_of(settings, origin)
    now = origin_with(code)
    with only_one(settings, again):
        workspace = restore_workspace(settings, revision, again, data=False)
        kept = _kept(settings, workspace)
        write_durably(workspace.folder / ORIGIN, origin_bytes(now))
        workspace.commit(f"{again}: {name} again")
        tags = {"herdbook.reproduces": record.info.run_id}
        with recorded(settings, again, now, tags) as (run, finished):
            if not finished:
                record_begin(run, load_params(workspace.folder / "params.yaml"), workspace)
                done = {n for n in run.client.get_run(run.run_id).data.tags if n.startswith(STAGE_TAG)}
                ready = frozenset(kept) | {n.removeprefix(STAGE_TAG) for n in done}
                run_stages(run, workspace, listener or Listener(), force=True, keep=ready, code=code)
                run.tags({REVISION_TAG: workspace.revision()})
    names = tuple(f"{stage.name}/" for stage in stages_of(workspace.folder))
    comparison = compare_runs(settings, record.info.run_id, run.run_id, only=names)
    outputs = _outputs(open_workspace(settings, name), revision, workspace)
    return Reproduction(
        original=name,
        run=again,
        same=not comparison.figures and (comparison.reproduced or all(output.same for output in outputs)),
        code="same" if now.code_sha256 == origin.code_sha256 and code is None else "checked out" if code else "other",
        kept=kept,
        comparison=comparison,
        outputs=outputs,
    )


def find_run(settings: Settings, which: str) -> Any:
    """MLflow's record of a run that `retrain` made.

    Raises:
        NotFoundError: there is none.
    """
    said = _VERSION.match(which)
    if said:
        number = int(said["which"]) if said["which"].isdigit() else said["which"]
        record = found_run(settings, require(settings, said["model"], number).run_id)[1]
    else:
        record = run_of_workspace(settings, which) if re.fullmatch(r"[a-z0-9_-]+", which) else None
        record = record or found_run(settings, which)[1]
    if RUN_TAG not in record.data.tags:
        raise NotFoundError(f"run '{which}' was not made by `herdbook learn retrain`", "It has no workspace.")
    return record


def _kept(settings: Settings, workspace: Workspace) -> tuple[str, ...]:
    """The dataset, where footage or labels that it was drawn from are gone: it is taken from the cache as it was."""
    with suppress(InputError, StorageError):
        resolve(settings, read_sources(workspace.folder / "sources.json"))
        return ()
    workspace.fetch()
    return (_DATASET,)


def _outputs(original: Workspace, revision: str, again: Workspace) -> tuple[Output, ...]:
    found = []
    for stage in stages_of(again.folder):
        for path in stage.outs:
            same = original.data_hash(path, revision) == again.data_hash(path)
            found.append(Output(stage=stage.name, path=path, same=same))
    return tuple(found)
