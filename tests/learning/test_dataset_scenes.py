"""A dataset as something to judge by: the same truth as in the farm that it was drawn from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from herdbook.cli import main
from herdbook.contracts.ethogram import load_ethogram
from herdbook.errors import EmptyDatasetError
from herdbook.learning.evaluation.annotated import UNKNOWN
from herdbook.learning.evaluation.dataset_scenes import dataset_scenes
from herdbook.learning.evaluation.scenes import Scene, find_scenes
from herdbook.settings import get_settings

pytest.importorskip("cv2", reason="reading clips needs the extra 'edge'")

SHARES = ("--share", "train=0.6", "--share", "validation=0.4")
CLASSES = load_ethogram("pig-9").names


def herdbook(home: Path, *arguments: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["herdbook", *map(str, arguments)])
        patch.setenv("HERDBOOK_HOME", str(home))
        get_settings.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code in (0, None)
    get_settings.cache_clear()


def build(farms: Path, out: Path, *more: str) -> Path:
    named = ("--farm", farms, "--truth", "simulator", farms, "--frames", 12, "--near", 0, *SHARES, *more)
    herdbook(out.parent / "home", "learn", "dataset", out, *named)
    return out


@pytest.fixture(scope="module")
def dataset(small_farms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(small_farms, tmp_path_factory.mktemp("scenes") / "data", "--keep-clips")


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
    herdbook(tmp_path / "home", *told)
    figures = json.loads((tmp_path / "figures.json").read_bytes())
    report = json.loads((tmp_path / "report" / "evaluation.json").read_bytes())
    assert figures["mota"] == report["overall"]["figures"]["mota"]["value"]


def test_a_dataset_without_clips_is_nothing_to_judge_by(small_farms: Path, tmp_path: Path) -> None:
    with pytest.raises(EmptyDatasetError, match="no labelled clip") as said:
        dataset_scenes(build(small_farms, tmp_path / "data"))
    assert "keep_clips" in said.value.remedy
