"""Workspaces of runs, with the real Git and DVC."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from herdbook.errors import ConfigurationError, InputError, NotFoundError, WorkspaceError
from herdbook.learning.datasets.sources import SourceList, gather
from herdbook.learning.params import Params, load_params, pipeline_root
from herdbook.learning.retrain.pipeline import stages_of
from herdbook.learning.workspace import create_workspace, open_workspace, restore_workspace
from herdbook.learning.workspace.code import ROOMS, code_digests
from herdbook.learning.workspace.tools import git
from herdbook.settings import Settings

pytest.importorskip("dvc")

TINY = """
profile: tiny
profiles:
  tiny:
    dataset: {frames: 12, every_s: 0.5, near: 0.0, shares: {train: 0.6, validation: 0.4}, keep_clips: true}
    teacher:
      size: {image_size: 64, patch_size: 8, channels: 64, layers: 2, window: 4, width: 128}
      sight: {steps: 2, batch: 2, warmup: 1}
      schedule: {steps: 4, batch: 2, warmup: 1, validate_every: 2, checkpoint_every: 2}
      prompts: 2
    targets: {teacher: data/teacher, batch: 4, measure: 4}
    distil:
      student: {trunk: tf_efficientnet_lite0, image_size: [64, 96], width: 24, pixels: 8, looks: 16, proposals: 8}
      trunk_weights: installed
      schedule: {steps: 80, batch: 6, learning_rate: 4.0e-3, warmup: 5, validate_every: 40}
      phases: [{until: 0.25, image_size: [32, 64], batch: 8}]
    embed: {schedule: {steps: 2, batch: 4, warmup: 1}, image_size: [64, 96], crop: 32}
    behaviour: {schedule: {steps: 4, batch: 4, warmup: 1}, window: 4}
    export: {calibration: 8}
    align:
      student: {trunk: mobilenetv3_small_050, image_size: 64, width: 16}
      schedule: {steps: 2, batch: 2, warmup: 1}
"""


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def tiny(tmp_path: Path) -> Params:
    file = tmp_path / "params.yaml"
    file.write_text(TINY)
    return load_params(file)


def test_the_shipped_parameters_are_valid_and_the_pipeline_names_only_what_exists() -> None:
    for profile in ("pocket", "orin"):
        assert load_params(profile=profile).profile == profile
    stages = yaml.safe_load((pipeline_root() / "dvc.yaml").read_text())["stages"]
    assert set(ROOMS) == set(stages) == set(code_digests())
    for stage in stages.values():
        command = stage["cmd"].split()
        done = subprocess.run(
            [sys.executable, "-m", *command[:3], "--help"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert all(option in done.stdout for option in command if option.startswith("--"))


@pytest.mark.parametrize(
    ("change", "said"),
    [("profile: tiny", "profile: none"), ("frames: 12", "frames: 0"), ("measure: 4", "mesure: 4")],
)
def test_parameters_that_are_wrong_are_named(tmp_path: Path, change: str, said: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(TINY.replace(change, said))
    with pytest.raises(ConfigurationError, match=said.split(":", maxsplit=1)[0]):
        load_params(file)


def test_a_run_is_a_branch_of_its_own_and_its_files_are_its_first_commit(home: Settings, tiny: Params) -> None:
    workspace = create_workspace(home, "run-1", tiny, SourceList(), {"origin.json": b"{}"})
    assert {f.name for f in workspace.folder.iterdir()} >= {"dvc.yaml", "params.yaml", "sources.json", "code.json"}
    assert load_params(workspace.folder / "params.yaml") == tiny
    assert (workspace.folder / "origin.json").read_bytes() == b"{}"
    revision = workspace.revision()
    assert workspace.commit("nothing changed") == revision
    assert create_workspace(home, "run-1", tiny, SourceList()).revision() == revision
    bare = home.home / "registry" / "pipeline.git"
    said = subprocess.run(["git", "-C", bare, "rev-parse", "run/run-1"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == revision


def test_a_run_whose_folder_was_deleted_goes_on_from_what_was_committed(home: Settings, tiny: Params) -> None:
    workspace = create_workspace(home, "run-1", tiny, SourceList())
    (workspace.folder / "data" / "notes").mkdir()
    (workspace.folder / "data" / "notes" / "one.txt").write_text("kept")
    workspace.add("data/notes")
    revision = workspace.revision()
    shutil.rmtree(workspace.folder)
    again = create_workspace(home, "run-1", tiny, SourceList())
    assert again.revision() == revision
    assert (again.folder / "data" / "notes" / "one.txt").read_text() == "kept"
    (again.folder / "data" / "more.txt").write_text("more")
    assert again.commit("more") != revision


@pytest.mark.parametrize("students", [("compact",), ("sam3",), ("compact", "sam3")])
def test_a_run_has_the_stages_of_its_students_alone(home: Settings, tiny: Params, students: tuple[str, ...]) -> None:
    profile = tiny.chosen.model_copy(update={"students": students})
    workspace = create_workspace(home, "run-1", tiny.model_copy(update={"profiles": {"tiny": profile}}), SourceList())
    own = {
        "compact": {"distil", "embed", "behaviour", "export", "evaluate"},
        "sam3": {"align", "substitute", "evaluate_sam3"},
    }
    shared = {"dataset", "teacher", "targets"}
    assert {stage.name for stage in stages_of(workspace.folder)} == shared.union(*(own[s] for s in students))


@pytest.mark.parametrize("name", ["", "../x", "Run", "a/b", "-x", "x" * 64])
def test_names_that_cannot_be_folders_are_refused(home: Settings, tiny: Params, name: str) -> None:
    with pytest.raises(InputError, match="cannot name a run"):
        create_workspace(home, name, tiny, SourceList())


def test_data_under_dvc_have_a_hash_and_come_back_in_another_workspace(home: Settings, tiny: Params) -> None:
    first = create_workspace(home, "run-1", tiny, SourceList())
    (first.folder / "data" / "x").mkdir(parents=True)
    (first.folder / "data" / "x" / "a.txt").write_text("content")
    digest = first.add("data/x")
    assert digest.endswith(".dir")
    second = restore_workspace(home, first.revision(), "run-2")
    assert (second.folder / "data" / "x" / "a.txt").read_text() == "content"
    assert second.data_hash("data/x") == digest
    with pytest.raises(NotFoundError, match="no data data/y"):
        second.data_hash("data/y")
    with pytest.raises(NotFoundError, match="no run has the revision"):
        restore_workspace(home, "0" * 40, "run-3")
    with pytest.raises(NotFoundError):
        open_workspace(home, "run-3")


def test_two_runs_begin_and_add_at_once(home: Settings, tiny: Params) -> None:
    """Both meet no repository, no cache, and the same content."""

    def run(name: str) -> str:
        workspace = create_workspace(home, name, tiny, SourceList())
        (workspace.folder / "data").mkdir(exist_ok=True)
        (workspace.folder / "data" / "same.txt").write_text("the same content")
        return workspace.add("data/same.txt")

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(run, ("run-a", "run-b", "run-c")))) == 1


def test_a_stage_that_fails_is_said_and_the_workspace_stays(home: Settings, tiny: Params) -> None:
    workspace = create_workspace(home, "run-1", tiny, SourceList())  # without any clip
    with pytest.raises(WorkspaceError, match="failed to reproduce 'dataset'"):
        workspace.repro("dataset", quiet=True)
    assert open_workspace(home, "run-1").revision() == workspace.revision()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_pipeline_runs_once_and_again_only_where_something_changed(
    home: Settings, tiny: Params, small_farms: Path
) -> None:
    sources = gather(home, farm=small_farms, simulator_truth=small_farms)
    workspace = create_workspace(home, "run-1", tiny, sources)
    revision = workspace.repro(quiet=True)
    assert workspace.repro(quiet=True) == revision
    assert (workspace.folder / "data" / "targets.json").is_file()
    assert (workspace.folder / "data" / "engine" / "engine.yaml").is_file()
    assert "mota" in json.loads((workspace.folder / "data" / "evaluate.json").read_bytes())
    assert not git(workspace.folder, "ls-files", "data/.checkpoints")

    same = create_workspace(home, "run-2", tiny, sources)
    begun = (home.home / "registry" / "targets").stat().st_mtime_ns
    other = same.repro(quiet=True)  # DVC's run cache answers
    for path in ("data/dataset", "data/targets.parquet", "data/student", "data/engine"):
        assert same.data_hash(path, other) == workspace.data_hash(path, revision)
    assert (home.home / "registry" / "targets").stat().st_mtime_ns == begun

    profile = tiny.chosen.model_copy(update={"dataset": tiny.chosen.dataset.model_copy(update={"frames": 8})})
    changed = create_workspace(home, "run-3", tiny.model_copy(update={"profiles": {"tiny": profile}}), sources)
    anew = changed.repro("dataset", quiet=True)
    assert changed.data_hash("data/dataset", anew) != workspace.data_hash("data/dataset", revision)

    back = restore_workspace(home, revision, "run-4")
    assert (back.folder / "data" / "dataset" / "dataset.json").is_file()
    assert back.repro(quiet=True) == revision


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_sam3_path_is_trained_alone(home: Settings, tiny: Params, small_farms: Path) -> None:
    """As far as a teacher of four steps goes: its student sees no animal, so no behaviour can be learned."""
    profile = tiny.chosen.model_copy(update={"students": ("sam3",)})
    sources = gather(home, farm=small_farms, simulator_truth=small_farms)
    workspace = create_workspace(home, "run-1", tiny.model_copy(update={"profiles": {"tiny": profile}}), sources)
    workspace.repro("align", quiet=True)
    figures = json.loads((workspace.folder / "data" / "align.json").read_bytes())
    assert {"cosine", "mean_cosine", "point_iou", "teacher_point_iou"} <= figures.keys()
    assert (workspace.folder / "data" / "align" / "student.safetensors").is_file()
    assert not (workspace.folder / "data" / "student").exists()
