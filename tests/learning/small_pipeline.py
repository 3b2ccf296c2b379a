"""A pipeline of four stages that "trains" in a second, for tests of what runs around stages; and its stages.

Run as ``small_pipeline.py STAGE`` in a workspace. `distil` writes a line of its checkpoint a step and goes on from
there, outside what DVC keeps. Environment: ``SMALL_PAUSE_S`` seconds a step; ``SMALL_FAILS`` a stage that fails,
``SMALL_DIRTY`` something uncommitted, ``SMALL_CODE`` other code, ``SMALL_NOISE`` what a machine adds to its losses.

Where its sources name clips, the dataset is a real one, and what is evaluated on it is motion by another name.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__)
STEPS = 6
PIPELINE = {
    "dataset": {"deps": ["sources.json"], "params": ["profiles.pocket.dataset"], "outs": ["data/dataset"]},
    "distil": {
        "deps": ["data/dataset"],
        "params": ["profiles.pocket.targets"],
        "outs": ["data/student"],
        "metrics": [{"data/distil.json": {"cache": False}}],
    },
    "export": {"deps": ["data/student"], "outs": ["data/engine"]},
    "evaluate": {
        "deps": ["data/dataset", "data/engine", "data/student"],
        "outs": ["data/evaluation"],
        "metrics": [{"data/evaluate.json": {"cache": False}}],
    },
}


def write_pipeline(folder: Path) -> Path:
    """A folder with its ``dvc.yaml`` (last stage first: order is by need) and the shipped parameters."""
    from herdbook.learning.params import pipeline_root

    stages = {
        name: {"cmd": f"{sys.executable} {HERE} {name}", **stage} for name, stage in reversed(list(PIPELINE.items()))
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    shutil.copy(pipeline_root() / "params.yaml", folder / "params.yaml")
    return folder


def use_pipeline(folder: Path) -> None:
    """Let new workspaces of this process be of that pipeline; code is taken to be committed."""
    from herdbook.learning.registry.origin import take_origin
    from herdbook.learning.retrain import run
    from herdbook.learning.workspace import run as workspace

    workspace.pipeline_root = lambda: folder  # type: ignore[assignment]
    told = {"dirty": bool(os.environ.get("SMALL_DIRTY")), "dirty_paths": (), "git_revision": None}
    run.take_origin = lambda: take_origin(folder).model_copy(update=told)  # type: ignore[assignment]
    for module in (run, workspace):
        module.code_digests = lambda: {"distil": os.environ.get("SMALL_CODE", "")}  # type: ignore[assignment]


def run_small(pipe: Any, home: Path, run_id: str, folder: Path, env: Mapping[str, str]) -> None:
    """`retrain` with that pipeline, for a process of its own; says what came of it."""
    from herdbook.errors import HerdbookError

    os.environ.update(env)
    try:
        pipe.send(retrain_small(home, run_id, folder, seed=int(env.get("SMALL_SEED", "0"))))
    except HerdbookError as error:
        pipe.send(error)


def retrain_small(home: Path, run_id: str, folder: Path, *, seed: int = 0) -> Any:
    """`retrain` with that pipeline."""
    from herdbook.learning.datasets.sources import SourceList
    from herdbook.learning.retrain.run import retrain
    from herdbook.settings import Settings

    use_pipeline(folder)
    values = {"dataset.seed": seed} if seed else {}
    return retrain(Settings(home=home), run_id, profile="pocket", values=values, sources=SourceList)


def cli(folder: Path) -> None:
    """The command ``herdbook`` with that pipeline."""
    from herdbook.cli import main as herdbook

    use_pipeline(folder)
    herdbook()


def main(stage: str) -> None:
    """Do a stage's work."""
    if os.environ.get("SMALL_FAILS") == stage:
        sys.stderr.write("error: no space is left on /full\n  → Free some.\n")
        sys.exit(41)
    said = yaml.safe_load(Path("params.yaml").read_text())
    seed = said["profiles"]["pocket"]["dataset"]["seed"]
    {"dataset": dataset, "distil": distil, "export": export, "evaluate": evaluate}[stage](seed)


def dataset(seed: int) -> None:
    """Frames."""
    from herdbook.learning.datasets.build import build_dataset
    from herdbook.learning.datasets.sources import read_sources, resolve
    from herdbook.learning.params import load_params
    from herdbook.settings import get_settings

    sources = read_sources(Path("sources.json"))
    if sources.clips:
        plan = load_params(Path("params.yaml")).chosen.dataset
        build_dataset(plan, resolve(get_settings(), sources), _folder("dataset"))
        return
    _folder("dataset").joinpath("frames.txt").write_text(f"frames drawn with seed {seed}\n")


def distil(seed: int) -> None:
    """Steps, each kept."""
    state = Path("checkpoints/distil.txt")
    state.parent.mkdir(exist_ok=True)
    lines = state.read_text().splitlines() if state.exists() else []
    for step in range(len(lines), STEPS):
        time.sleep(float(os.environ.get("SMALL_PAUSE_S", "0")))
        with state.open("a") as file:
            file.write(f"{1 / (1 + step + seed)}\n")
    losses = [float(line) + float(os.environ.get("SMALL_NOISE", "0")) for line in state.read_text().splitlines()]
    out = _folder("student")
    (out / "student.txt").write_text("".join(f"{loss}\n" for loss in losses))
    targets = yaml.safe_load(Path("params.yaml").read_text())["profiles"]["pocket"]["targets"]
    (out / "batch.txt").write_text(str(targets["batch"]))
    (out / "curves.csv").write_text("step,loss\n" + "".join(f"{k},{loss}\n" for k, loss in enumerate(losses)))
    (out / "pictures").mkdir()
    (out / "pictures" / "features.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Path("data/distil.json").write_text(json.dumps({"loss": losses[-1], "seconds": time.time(), "note": "text"}))


def export(seed: int) -> None:
    """A release folder."""
    from herdbook.edge.perception.network import NetworkFile, write_network

    out = _folder("engine")
    (out / "student.onnx").write_bytes(Path("data/student/student.txt").read_bytes())
    write_network(out, NetworkFile(student="student.onnx", image_size=(64, 64), stride=4, dimensions=8))
    release = {
        "release_id": "small-1", "engine": "compact", "space_id": "small-1", "dimensions": 8, "ethogram_id": "pig-9",
    }  # fmt: skip
    (out / "engine.yaml").write_text(yaml.safe_dump({"release": release, "models": ["network.json", "student.onnx"]}))


def evaluate(seed: int) -> None:
    """A report, as good as the seed and the batch say."""
    from registry_cases import report_of

    from herdbook.learning.evaluation.engine_file import read_engine
    from herdbook.learning.evaluation.report import write_report

    if Path("data/dataset/dataset.json").is_file():
        judge_real(_folder("evaluation"))
        return
    engine = read_engine(Path("data/engine/engine.yaml"))
    batch = int(Path("data/student/batch.txt").read_text())
    report = report_of("small", 0.9 - seed / 100 - (batch - 4) / 20, digest=engine.digest)
    write_report(_folder("evaluation") / "evaluation.json", report)
    figures = {name: found.value for name, found in report.overall.figures.items() if found.value is not None}
    Path("data/evaluate.json").write_text(json.dumps(figures))


def judge_real(out: Path) -> None:
    """The engine motion on the dataset's judging side, called small."""
    from herdbook.edge.config import MOTION_RELEASE
    from herdbook.learning.evaluation.dataset_scenes import dataset_scenes
    from herdbook.learning.evaluation.predictions import Engine
    from herdbook.learning.evaluation.run import evaluate as judge

    engine = Engine(release=MOTION_RELEASE.model_copy(update={"release_id": "small-1"}))
    judge(dataset_scenes(Path("data/dataset")), engine, out, data="dataset", cache=Path("predictions"), pictures=0)
    Path("data/evaluate.json").write_text("{}")


def _folder(name: str) -> Path:
    out = Path("data") / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    return out


if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parent), str(HERE.parents[1])]
    main(sys.argv[1])
