"""A dataset as something to judge by: the same truth as in the farm that it was drawn from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from herdbook.contracts.ethogram import load_ethogram
from herdbook.errors import EmptyDatasetError
from herdbook.learning.datasets.build import build_dataset
from herdbook.learning.datasets.plan import DatasetPlan, Split
from herdbook.learning.datasets.sources import gather, resolve
from herdbook.learning.evaluation.annotated import UNKNOWN
from herdbook.learning.evaluation.dataset_scenes import dataset_scenes
from herdbook.learning.evaluation.scenes import Scene, find_scenes
from herdbook.settings import Settings

pytest.importorskip("cv2", reason="reading clips needs the extra 'edge'")

PLAN = DatasetPlan(frames=12, every_s=0.5, near=0.0, shares={Split.TRAIN: 0.6, Split.VALIDATION: 0.4})
CLASSES = load_ethogram("pig-9").names


def build(farms: Path, out: Path, *, keep_clips: bool) -> Path:
    settings = Settings(home=out.parent / "home")
    inputs = resolve(settings, gather(settings, farm=farms, simulator_truth=farms))
    build_dataset(PLAN.model_copy(update={"keep_clips": keep_clips}), inputs, out)
    return out


@pytest.fixture(scope="module")
def dataset(small_farms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(small_farms, tmp_path_factory.mktemp("scenes") / "data", keep_clips=True)


def test_clips_of_the_judging_side_have_the_truth_of_their_farm(dataset: Path, small_farms: Path) -> None:
    farm: dict[tuple[str, str], Scene] = {(s.config.device_id, s.clip.name): s for s in find_scenes(small_farms)}
    scenes = dataset_scenes(dataset)
    assert len({s.sequence_id for s in scenes}) == len(scenes) > 1
    assert len({s.config.farm_id for s in scenes}) == 1, "the validation side is one farm"
    for scene in scenes:
        other = farm[scene.config.device_id, scene.clip.name.rsplit("/", maxsplit=1)[-1]]
        mine, theirs = (s.read_truth().annotated(s.camera.fps, CLASSES) for s in (scene, other))
        order = [np.lexsort(([t.tracks.names[k] for k in t.tracks.ids], t.tracks.frames)) for t in (mine, theirs)]
        assert scene.start == other.start
        np.testing.assert_array_equal(mine.tracks.frames[order[0]], theirs.tracks.frames[order[1]])
        np.testing.assert_allclose(mine.tracks.boxes[order[0]], theirs.tracks.boxes[order[1]], atol=0.01)
        assert (mine.behaviour != UNKNOWN).all()
        assert (mine.behaviour[order[0]] == theirs.behaviour[order[1]]).mean() > 0.95, "but where a bout ends"


def test_an_engine_is_evaluated_on_a_dataset(dataset: Path, tmp_path: Path) -> None:
    told = ("learn", "evaluate", dataset, tmp_path / "report", "--report", tmp_path / "figures.json")
    done = subprocess.run(
        [sys.executable, "-m", "herdbook", *map(str, told)],
        env={**os.environ, "HERDBOOK_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "figures.json").read_bytes())
    report = json.loads((tmp_path / "report" / "evaluation.json").read_bytes())
    assert figures["mota"] == report["overall"]["figures"]["mota"]["value"]


def test_a_dataset_without_clips_is_nothing_to_judge_by(small_farms: Path, tmp_path: Path) -> None:
    with pytest.raises(EmptyDatasetError, match="no labelled clip") as said:
        dataset_scenes(build(small_farms, tmp_path / "data", keep_clips=False))
    assert "keep_clips" in said.value.remedy
