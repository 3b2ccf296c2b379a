"""Runs and models in a real MLflow on SQLite."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from registry_cases import clean_checkout, commit, digest_of, git, origin, registered

from herdbook.errors import InputError, NotFoundError, RegistryError
from herdbook.learning.registry.data_source import DataUse, DvcSource, data_use
from herdbook.learning.registry.models import CHALLENGER, CHAMPION, download, find, require
from herdbook.learning.registry.origin import take_origin
from herdbook.learning.registry.reproduce import compare_runs
from herdbook.learning.registry.store import open_store
from herdbook.learning.registry.tracking import found_run, origin_of, start_run
from herdbook.learning.workspace import Workspace
from herdbook.settings import Settings

MODEL = "herdbook-compact"


@pytest.fixture(scope="module")
def settings(make_registry: Callable[[], Settings]) -> Settings:
    """One store for the module."""
    return make_registry()


# -- runs -------------------------------------------------------------------------------------------------------------


def test_a_run_keeps_all_that_it_was_told(settings: Settings, tmp_path: Path) -> None:
    picture = tmp_path / "masks.png"
    picture.write_bytes(b"\x89PNG")
    use = DataUse(name="pigs", path="data/pigs", dvc_md5="0123456789abcdef0123456789abcdef.dir", git_revision="b" * 40)
    made_from = origin()
    with start_run(settings, "distil", made_from) as run:
        run.params({"optimizer": {"lr": 0.1, "betas": [0.9, 0.99]}, "epochs": 3})
        for step in range(3):
            run.metrics({"loss": 1 / (1 + step), "absent": None}, step)
        run.data(use)
        run.file(picture, "pictures")
    client, record = found_run(settings, run.run_id)
    assert record.info.status == "FINISHED"
    assert record.data.params == {"optimizer.lr": "0.1", "optimizer.betas": "[0.9, 0.99]", "epochs": "3"}
    assert [p.value for p in client.get_metric_history(run.run_id, "loss")] == pytest.approx([1, 1 / 2, 1 / 3])
    assert origin_of(record) == made_from
    assert record.data.tags["herdbook.dirty"] == "false"
    (used,) = record.inputs.dataset_inputs
    assert (used.dataset.digest, used.dataset.source_type) == (use.dvc_md5.removesuffix(".dir"), "dvc")
    assert DvcSource.from_json(used.dataset.source).use == use
    assert [f.path for f in client.list_artifacts(run.run_id, "pictures")] == ["pictures/masks.png"]
    assert Path(record.info.artifact_uri.removeprefix("file://")).is_relative_to(settings.home)


@pytest.mark.parametrize(("trouble", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")])
def test_how_a_run_ended_is_kept(settings: Settings, trouble: type[BaseException], status: str) -> None:
    with pytest.raises(trouble), start_run(settings, "broken", origin()) as run:
        raise trouble
    assert found_run(settings, run.run_id)[1].info.status == status


def test_a_run_that_is_not_there_is_said(settings: Settings) -> None:
    with pytest.raises(NotFoundError, match="no run 'f00'"):
        found_run(settings, "f00")


@pytest.mark.slow
def test_first_users_at_once_do_not_race(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from herdbook.settings import Settings\n"
        "from herdbook.learning.registry.store import open_store, experiment_id\n"
        "s = Settings(home=Path(sys.argv[1])); print(experiment_id(s, open_store(s)))"
    )
    each = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [process.communicate() for process in each]
    assert [process.returncode for process in each] == [0, 0], said
    assert said[0][0] == said[1][0]


def test_a_registry_that_is_down_is_one_clear_error() -> None:
    with pytest.raises(RegistryError, match="registry at") as caught:
        find(Settings(mlflow_uri="http://someone:hunter2@127.0.0.1:9"), MODEL, CHAMPION)
    assert "hunter2" not in caught.value.message
    assert "champion keeps its alias" in caught.value.remedy


def test_a_store_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "mlflow.sqlite").write_text("not a database, but a text of some length " * 10)
    with pytest.raises(RegistryError):
        open_store(Settings(home=tmp_path))


# -- what a run is made from ------------------------------------------------------------------------------------------


def test_a_clean_checkout_is_clean(tmp_path: Path) -> None:
    found = take_origin(clean_checkout(tmp_path / "repo"))
    assert (found.dirty, found.dirty_paths) == (False, ())
    assert len(found.git_revision or "") == 40
    assert found.hardware.cores >= 1
    assert found.hardware.memory_bytes > 1e8


@pytest.mark.parametrize("name", ["src/train.py", "src/new.py", "params.yaml", "requirements.lock"])
def test_code_parameters_or_lock_that_are_not_committed_make_it_dirty(tmp_path: Path, name: str) -> None:
    repo = clean_checkout(tmp_path / "repo")
    (repo / name).write_text("changed: true\n")
    found = take_origin(repo)
    assert (found.dirty, found.dirty_paths) == (True, (name,))
    commit(repo)
    assert not take_origin(repo).dirty


def test_other_files_do_not_make_it_dirty(tmp_path: Path) -> None:
    repo = clean_checkout(tmp_path / "repo")
    (repo / "notes.txt").write_text("what I thought")
    assert not take_origin(repo).dirty


def test_what_is_of_no_repository_is_dirty(tmp_path: Path) -> None:
    found = take_origin(tmp_path)
    assert (found.git_revision, found.dirty, found.dirty_paths) == (None, True, ("no Git repository",))


def test_data_of_a_workspace_are_named_by_its_commit_and_dvcs_hash(tmp_path: Path) -> None:
    repo = clean_checkout(tmp_path / "repo")
    (repo / "dvc.lock").write_text("stages:\n  t:\n    outs:\n    - {path: data/targets, md5: bbbb.dir}\n")
    commit(repo)
    workspace = Workspace("run-1", repo, tmp_path)
    (repo / "dvc.lock").write_text("stages: {}\n")
    found = data_use(workspace, "data/targets")
    assert (found.dvc_md5, found.git_revision) == ("bbbb.dir", workspace.revision())
    with pytest.raises(NotFoundError, match="no data data/cows"):
        data_use(workspace, "data/cows")


def test_an_installed_wheel_is_clean_until_somebody_edits_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "site"
    (place / "herdbook").mkdir(parents=True)
    (place / "herdbook" / "x.py").write_text("x = 1\n")
    (place / "herdbook-9.9.dist-info").mkdir()
    (place / "herdbook-9.9.dist-info" / "METADATA").write_text("Name: herdbook\nVersion: 9.9\n")
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"x = 1\n").digest()).rstrip(b"=").decode()
    (place / "herdbook-9.9.dist-info" / "RECORD").write_text(f"herdbook/x.py,sha256={digest},6\n")
    installed = PathDistribution(place / "herdbook-9.9.dist-info")
    monkeypatch.setattr("herdbook.learning.registry.origin.distribution", lambda _: installed)
    assert not take_origin(tmp_path).dirty
    (place / "herdbook" / "x.py").write_text("x = 2\n")
    assert take_origin(tmp_path).dirty_paths == ("herdbook/x.py",)


# -- reproducing ------------------------------------------------------------------------------------------------------


def test_runs_with_the_same_figures_are_said_to_be_so(settings: Settings) -> None:
    ids = []
    for _ in range(2):
        with start_run(settings, "same", origin()) as run:
            run.metrics({"mota": 0.9})
            ids.append(run.run_id)
    found = compare_runs(settings, *ids)
    assert (found.reproduced, found.figures, found.causes) == (True, (), ())


def test_what_differs_between_runs_is_named(settings: Settings) -> None:
    one, ids = origin(), []
    other = one.model_copy(
        update={
            "code_sha256": "c" * 64,
            "lock_sha256": "d" * 64,
            "dirty": True,
            "dirty_paths": ("src/train.py",),
            "hardware": one.hardware.model_copy(update={"cores": 64}),
        }
    )
    for made_from, lr, md5, mota in ((one, 0.1, "a" * 32, 0.9), (other, 0.2, "b" * 32, 0.8)):
        with start_run(settings, "differs", made_from) as run:
            run.params({"lr": lr})
            run.data(DataUse(name="pigs", path="data", dvc_md5=md5))
            run.metrics({"mota": mota, "only": 1.0} if lr > 0.1 else {"mota": mota})
            ids.append(run.run_id)
    found = compare_runs(settings, *ids)
    assert not found.reproduced
    assert [(d.what, d.one, d.other) for d in found.figures] == [("mota", 0.9, 0.8), ("only", None, 1.0)]
    assert {d.what for d in found.causes} == {"code", "uncommitted", "lock", "hardware", "data pigs", "params lr"}


def test_runs_without_figures_reproduce_nothing(settings: Settings) -> None:
    ids = []
    for _ in range(2):
        with start_run(settings, "empty", origin()) as run:
            ids.append(run.run_id)
    assert not compare_runs(settings, *ids).reproduced


# -- models -----------------------------------------------------------------------------------------------------------


def test_a_registered_model_is_the_challenger_and_comes_back_as_it_was(settings: Settings, tmp_path: Path) -> None:
    version = registered(settings, tmp_path / "a", "one")
    assert find(settings, MODEL, CHALLENGER) == version
    assert find(settings, MODEL, version.number) == version
    assert (version.digest, version.dirty) == (digest_of("one"), False)
    folder = download(settings, version, tmp_path)
    assert (folder / "model.onnx").read_bytes() == b"one"
    assert registered(settings, tmp_path / "b", "two").number == version.number + 1
    assert require(settings, MODEL, CHALLENGER).digest == digest_of("two")


def test_both_students_have_versions_of_their_own(settings: Settings, tmp_path: Path) -> None:
    assert registered(settings, tmp_path, "sam", "herdbook-sam3").number == 1


def test_a_dirty_runs_version_says_so(settings: Settings, tmp_path: Path) -> None:
    assert registered(settings, tmp_path, "dirty", dirty=True).dirty


def test_what_is_not_registered_is_said(settings: Settings, tmp_path: Path) -> None:
    assert find(settings, MODEL, CHAMPION) is None
    assert find(settings, MODEL, 999) is None
    with pytest.raises(NotFoundError, match="no version 'champion'"):
        require(settings, MODEL, CHAMPION)
    with pytest.raises(InputError, match="no model 'resnet'"):
        find(settings, "resnet", 1)


def test_the_command_that_compares_runs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from herdbook.cli.evaluate import runs

    with start_run(settings, "cli", origin()) as run:
        run.metrics({"mota": 0.5})
    monkeypatch.setattr("herdbook.settings.get_settings", lambda: settings)
    runs(run.run_id, run.run_id, 1e-6, as_json=True)
    assert json.loads(capsys.readouterr().out)["reproduced"] is True


def test_git_is_needed_for_a_clean_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = clean_checkout(tmp_path / "repo")
    git(repo, "status")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert take_origin(repo).dirty
