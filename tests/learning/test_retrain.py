"""`retrain` with the real Git, DVC and MLflow, around stages that take no time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_pipeline import STEPS, retrain_small, run_small, use_pipeline, write_pipeline

from herdbook.errors import ConfigurationError, DiskFullError, InputError, RegistryError, WorkspaceError
from herdbook.learning.datasets.sources import SourceList
from herdbook.learning.params import load_params
from herdbook.learning.registry.models import CHALLENGER, CHAMPION, COMPACT, find, move_champion
from herdbook.learning.registry.store import open_store
from herdbook.learning.retrain.overrides import override, parse_settings
from herdbook.learning.retrain.pipeline import stages_of
from herdbook.learning.retrain.run import retrain
from herdbook.learning.workspace import open_workspace
from herdbook.settings import Settings
from support.kill import forked

pytest.importorskip("dvc")
pytest.importorskip("mlflow")


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    return write_pipeline(tmp_path / "pipeline")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, pipeline: Path) -> Path:
    """The small pipeline, in this process."""
    from herdbook.learning.retrain import run
    from herdbook.learning.workspace import run as workspace

    for module, name in (
        (workspace, "pipeline_root"),
        (workspace, "code_digests"),
        (run, "code_digests"),
        (run, "take_origin"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back in the end what is set now
    return pipeline


@pytest.fixture(scope="module")
def finished(make_registry: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A home with a finished run, and what came of it."""
    settings = make_registry()
    folder = write_pipeline(tmp_path_factory.mktemp("pipeline"))
    with forked(run_small, settings.home, "run-1", folder, {}) as worker:
        return settings, folder, worker.pipe.recv()


def test_a_run_ends_in_a_challenger_with_its_evaluation_and_moves_no_champion(finished: Any) -> None:
    settings, _, found = finished
    assert [(s.stage, s.how) for s in found.stages] == [
        (name, "ran") for name in ("dataset", "distil", "export", "evaluate")
    ]
    assert all(stage.seconds > 0 for stage in found.stages)
    (version,) = found.versions
    challenger = find(settings, COMPACT, CHALLENGER)
    assert challenger is not None
    assert (challenger.number, challenger.digest) == (version.number, version.digest)
    assert challenger.evaluation is not None
    assert find(settings, COMPACT, CHAMPION) is None


def test_mlflow_has_parameters_figures_curves_pictures_data_and_costs(finished: Any) -> None:
    settings, _, found = finished
    client = open_store(settings)
    run = client.get_run(found.mlflow_run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["dataset.seed"] == "0"
    assert run.data.params["profile"] == "pocket"
    assert run.data.metrics["distil/loss"] == pytest.approx(1 / STEPS)
    curve = client.get_metric_history(found.mlflow_run_id, "distil/curve/loss")
    assert [(point.step, point.value) for point in curve] == [(k, pytest.approx(1 / (k + 1))) for k in range(STEPS)]
    assert run.data.metrics["cost/distil_seconds"] > 0
    (data,) = run.inputs.dataset_inputs
    workspace = open_workspace(settings, "run-1")
    assert data.dataset.digest == workspace.data_hash("data/dataset").removesuffix(".dir")
    pictures = [file.path for file in client.list_artifacts(found.mlflow_run_id, "distil")]
    assert pictures == ["distil/features.png"]
    assert '"hardware"' in run.data.tags["herdbook.origin"]
    assert run.data.tags["herdbook.revision"] == workspace.revision()


def test_a_finished_run_is_only_told(finished: Any, small: Path) -> None:
    settings, folder, found = finished
    again = retrain_small(settings.home, "run-1", folder)
    assert again.finished_before
    assert again.stages == ()
    assert [v.number for v in again.versions] == [v.number for v in found.versions]


@pytest.mark.slow
def test_another_run_takes_from_the_cache_what_is_the_same(finished: Any, small: Path) -> None:
    settings, folder, _ = finished
    same = retrain_small(settings.home, "run-2", folder)
    assert {stage.how for stage in same.stages} == {"cached"}
    other = retrain_small(settings.home, "run-3", folder, seed=1)
    assert {stage.how for stage in other.stages} == {"ran"}
    with pytest.raises(InputError, match="begun with other parameters"):
        retrain_small(settings.home, "run-3", folder, seed=2)


@pytest.mark.slow
def test_killed_in_a_stage_the_same_command_goes_on_to_the_same_result(
    finished: Any, small: Path, make_registry: Callable[[], Settings]
) -> None:
    _, folder, undisturbed = finished
    settings = make_registry()
    state = settings.home / "registry" / "runs" / "run-1" / "checkpoints" / "distil.txt"
    with forked(run_small, settings.home, "run-1", folder, {"SMALL_PAUSE_S": "1"}) as worker:
        steps = wait_for(lambda: lines(state), 60)
        worker.kill()
    time.sleep(2.5)
    assert lines(state) <= steps + 1, "the stage ended with its run"
    after = retrain_small(settings.home, "run-1", folder)
    assert (after.stages[0].stage, after.stages[0].how) == ("dataset", "unchanged")
    assert after.versions[0].digest == undisturbed.versions[0].digest
    ours, theirs = (
        open_store(Settings(home=home)).get_run(found.mlflow_run_id).data.metrics
        for home, found in ((settings.home, after), (finished[0].home, undisturbed))
    )
    same = {name for name in theirs if not name.startswith("cost/") and "seconds" not in name}
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}


@pytest.mark.slow
def test_a_stage_that_fails_says_its_own_error_and_the_next_try_goes_on(
    make_registry: Callable[[], Settings], small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_registry()
    monkeypatch.setenv("SMALL_FAILS", "export")
    with pytest.raises(DiskFullError, match="stage export: no space is left on /full") as caught:
        retrain_small(settings.home, "run-1", small)
    assert caught.value.remedy == "Free some."
    assert run_status(settings, "run-1") == "FAILED"
    monkeypatch.delenv("SMALL_FAILS")
    monkeypatch.setenv("SMALL_CODE", "other")
    with pytest.raises(InputError, match="code of distil"):
        retrain_small(settings.home, "run-1", small)
    monkeypatch.delenv("SMALL_CODE")
    done = retrain_small(settings.home, "run-1", small)
    assert [s.how for s in done.stages] == ["unchanged", "unchanged", "ran", "ran"]
    assert run_status(settings, "run-1") == "FINISHED"


@pytest.mark.slow
def test_two_runs_at_once_do_not_fight_and_a_run_is_worked_on_once(
    make_registry: Callable[[], Settings], pipeline: Path
) -> None:
    settings = make_registry()
    slow = {"SMALL_PAUSE_S": "0.3"}
    with (
        forked(run_small, settings.home, "run-a", pipeline, slow) as one,
        forked(run_small, settings.home, "run-b", pipeline, slow | {"SMALL_SEED": "1"}) as two,
    ):
        wait_for((settings.home / "registry" / "runs" / "run-a").exists, 60)
        with forked(run_small, settings.home, "run-a", pipeline, {}) as third:
            refused = third.pipe.recv()
        found = [worker.pipe.recv() for worker in (one, two)]
    assert isinstance(refused, WorkspaceError)
    assert "another process is working on run run-a" in refused.message
    assert [len(result.stages) for result in found] == [4, 4]
    assert len({result.versions[0].number for result in found}) == 2


def test_a_registry_that_is_down_is_one_clear_error_and_the_champion_stays(
    finished: Any, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, folder, found = finished
    move_champion(settings, COMPACT, found.versions[0].number)
    use_pipeline(folder)
    off = settings.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"})
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError, match="cannot be used"):
        retrain(off, "run-off", profile="pocket", sources=SourceList)
    assert not (settings.registry / "runs" / "run-off").exists(), "nothing was begun"
    champion = find(settings, COMPACT, CHAMPION)
    assert champion is not None
    assert champion.number == found.versions[0].number


def test_a_run_of_uncommitted_code_is_marked(finished: Any, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, folder, _ = finished
    monkeypatch.setenv("SMALL_DIRTY", "1")
    found = retrain_small(settings.home, "run-dirty", folder, seed=3)
    assert found.dirty
    assert found.versions[0].dirty, "the gates refuse it: test_registry_gates"


@pytest.mark.parametrize("said", ["dataset.frams=3", "nothing", "dataset.frames=none", "dataset.frames.x=1"])
def test_parameters_that_cannot_be_set_are_named(said: str) -> None:
    with pytest.raises(ConfigurationError):
        override(load_params(profile="pocket"), parse_settings([said]))


def test_parameters_are_set_in_the_profile_that_is_used() -> None:
    changed = override(load_params(profile="pocket"), parse_settings(["dataset.frames=3", "dataset.every_s=null"]))
    assert (changed.chosen.dataset.frames, changed.chosen.dataset.every_s) == (3, None)
    assert changed.profiles["orin"] == load_params().profiles["orin"]


def test_stages_come_after_what_they_need(pipeline: Path) -> None:
    assert [stage.name for stage in stages_of(pipeline)] == ["dataset", "distil", "export", "evaluate"]
    text = (pipeline / "dvc.yaml").read_text()
    (pipeline / "dvc.yaml").write_text(text.replace("- sources.json", "- data/evaluation"))
    with pytest.raises(ConfigurationError, match="wait for each other"):
        stages_of(pipeline)


def wait_for(ready: Callable[[], Any], seconds: float) -> Any:
    until = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def run_status(settings: Settings, name: str) -> str:
    from herdbook.learning.registry.tracking import run_of_workspace

    record = run_of_workspace(settings, name)
    assert record is not None
    return str(record.info.status)
