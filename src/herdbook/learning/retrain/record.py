"""What MLflow gets of a run: parameters and sources as it begins, each stage as it ends, models at the end."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.evaluation.report import read_report
from herdbook.learning.evaluation.run import REPORT
from herdbook.learning.params import Params
from herdbook.learning.registry.data_source import data_use
from herdbook.learning.registry.evidence import attach_evaluation
from herdbook.learning.registry.models import COMPACT, SAM3, WEIGHTS, Version, register
from herdbook.learning.registry.tracking import Run
from herdbook.learning.retrain.pipeline import Stage
from herdbook.learning.retrain.stage import StageRun
from herdbook.learning.workspace import Workspace

MODEL_OF = {"compact": COMPACT, "sam3": SAM3}
"""Registered model by the engine of a release."""
_DATASET = "data/dataset"
PARAMS = "run/params.yaml"
"""Where a run keeps its parameters."""
STAGE_TAG, REVISION_TAG = "herdbook.stage.", "herdbook.revision"
"""How a stage went, and the commit of the workspace with all that came of the run."""
_FORBIDDEN = re.compile(r"[^\w\-. :/]")


def record_begin(run: Run, params: Params, workspace: Workspace) -> None:
    """Parameters of the profile, and the files that the run is made from."""
    run.params({"profile": params.profile, **params.chosen.model_dump(mode="json")})
    for name in ("params.yaml", "sources.json", "dvc.yaml", "origin.json"):
        if (workspace.folder / name).is_file():
            run.file(workspace.folder / name, "run")


def record_stage(run: Run, workspace: Workspace, stage: Stage, done: StageRun) -> None:
    """Figures, curves, pictures and cost of a stage. Told again, nothing is kept twice."""
    at = stage.changed_at_ms
    run.metrics({metric(stage.name, name): value for name, value in stage.figures().items()}, at_ms=at)
    run.curves(
        (
            (step, {metric(stage.name, f"curve/{name}"): value for name, value in row.items()})
            for step, row in stage.curves()
        ),
        at_ms=at,
    )
    for picture in stage.pictures():
        run.file(picture, stage.name)
    if done.how == "ran":
        peak = done.peak_memory_bytes
        run.metrics({f"cost/{stage.name}_seconds": done.seconds, f"cost/{stage.name}_peak_memory_bytes": peak})
    if _DATASET in stage.outs:
        run.data(data_use(workspace, _DATASET, name="dataset"))
    run.tags({STAGE_TAG + stage.name: f"{done.how} at {workspace.revision()}"})


def record_models(run: Run, workspace: Workspace, stages: Sequence[Stage]) -> list[Version]:
    """Register the release folders that stages wrote, and keep with each version the evaluation that is of it."""
    versions = []
    for stage in stages:
        file = stage.folder / "engine.yaml"
        if file.is_file():
            engine = read_engine(file)
            if model := MODEL_OF.get(engine.release.engine):
                weights = stage.folder / WEIGHTS
                kept = weights if weights.is_dir() else None
                versions.append(register(run, model, [file, *engine.models], engine.digest, kept))
    reports = [path for stage in stages if (path := stage.folder / REPORT).is_file()]
    for path in reports:
        digest = read_report(path).engine.digest
        for version in versions:
            if version.digest == digest:
                _attach(run, version, path)
    return versions


def metric(stage: str, name: str) -> str:
    """MLflow's name of a stage's figure."""
    return _FORBIDDEN.sub("_", f"{stage}/{name}")


def _attach(run: Run, version: Version, path: Path) -> None:
    """From a copy: the stage's folder is DVC's, and more is written beside the report."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(path.parent, Path(folder) / "evaluation", copy_function=shutil.copyfile)
        attach_evaluation(run.settings, version, copy / path.name)
