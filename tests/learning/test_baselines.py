"""Challenger, champion and motion in one table, on the same real clips."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from registry_cases import origin
from typer.testing import CliRunner

from herdbook.cli import app
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.ethogram import load_ethogram
from herdbook.edge.config import MOTION_RELEASE
from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.evaluation.report import Protocol, read_report
from herdbook.learning.evaluation.run import REPORT
from herdbook.learning.evaluation.scenes import Scene, find_scenes
from herdbook.learning.registry.gates import Verdict, load_gates
from herdbook.learning.registry.models import COMPACT, Version, register
from herdbook.learning.registry.promotion import promote
from herdbook.learning.registry.store import open_store
from herdbook.learning.registry.tracking import start_run
from herdbook.learning.registry.trial import SOURCES, hold_trial
from herdbook.learning.retrain.baselines import judge_baselines, judging_scenes
from herdbook.settings import Settings

pytest.importorskip("mlflow")
pytest.importorskip("cv2", reason="reading clips needs the extra 'edge'")


PROTOCOL = Protocol(classes=load_ethogram("pig-9").names)


@pytest.fixture(scope="module")
def scenes(small_farms: Path) -> list[Scene]:
    return find_scenes(small_farms / "north")[:3]


@pytest.fixture
def home(make_registry: Callable[[], Settings]) -> Settings:
    return make_registry()


def version_of(settings: Settings, folder: Path, name: str, learned_from: Path | None = None) -> Version:
    """A registered release: motion by another name."""
    folder.mkdir()
    release = MOTION_RELEASE.model_dump(mode="json") | {"release_id": name}
    (folder / "engine.yaml").write_text(yaml.safe_dump({"release": release}))
    with start_run(settings, name, origin()) as run:
        if learned_from is not None:
            (folder / "sources.json").write_text(json.dumps({"clips": {"a": sha256_of(learned_from)}}))
            run.file(folder / "sources.json", str(Path(SOURCES).parent))
        return register(run, COMPACT, [folder / "engine.yaml"], read_engine(folder / "engine.yaml").digest)


def crown(settings: Settings, version: Version) -> None:
    passed = Verdict(model=COMPACT, passed=True, checks=())
    promote(settings, COMPACT, version.number, verdict=passed, evidence_sha256="0" * 64, by="test")


def test_challenger_champion_and_motion_stand_in_one_table(home: Settings, scenes: list[Scene], tmp_path: Path) -> None:
    def contest(version: Version) -> Any:
        return hold_trial(home, COMPACT, version.number, load_gates(), scenes, data="north")

    first = version_of(home, tmp_path / "first", "first-1")
    trial = contest(first)
    assert list(trial.beside) == ["challenger", "motion"]
    assert trial.against == trial.beside["motion"]
    crown(home, first)
    second = version_of(home, tmp_path / "second", "second-1")
    trial = contest(second)
    assert list(trial.beside) == ["challenger", "champion", "motion"]
    assert trial.against == trial.beside["champion"]
    reports = [read_report(path) for path in trial.beside.values()]
    assert [r.engine.release.release_id for r in reports] == ["second-1", "first-1", "motion-1"]
    assert reports[0].sequences == reports[1].sequences == reports[2].sequences
    table = (trial.report.parent / "beside.md").read_text()
    assert "| challenger less champion | 3 | 0.000 (0.00 … 0.00) |" in table
    assert "| challenger less motion | 3 |" in table
    client = open_store(home)
    kept = client.list_artifacts(second.run_id, "evaluations")
    assert any(f.path.endswith("beside.md") for f in client.list_artifacts(second.run_id, kept[0].path))


def test_the_command_prints_the_table_and_names_every_evaluation(
    home: Settings, scenes: list[Scene], small_farms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herdbook.settings.get_settings", lambda: home)
    monkeypatch.setattr("herdbook.learning.evaluation.scenes.find_scenes", lambda folder: scenes)
    version_of(home, tmp_path / "first", "first-1")
    told = ["learn", "contest", COMPACT, "--scenes", str(small_farms / "north")]
    done = CliRunner().invoke(app, told, catch_exceptions=False, env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    assert "challenger less motion" in done.output
    done = CliRunner().invoke(app, [*told, "--json"], catch_exceptions=False)
    assert list(json.loads(done.stdout)["beside"]) == ["challenger", "motion"]


def test_motion_and_the_champion_stand_beside_what_is_trained(
    home: Settings, scenes: list[Scene], tmp_path: Path
) -> None:
    crown(home, version_of(home, tmp_path / "first", "first-1"))
    found, remarks = judge_baselines(home, scenes, tmp_path / "out", data="north", protocol=PROTOCOL, model=COMPACT)
    assert (list(found), remarks) == (["(motion)", "(champion 1)"], [])
    assert found["(champion 1)"].engine.release.release_id == "first-1"
    assert found["(motion)"].protocol == PROTOCOL
    assert (tmp_path / "out" / "champion-1" / REPORT).is_file()


def test_a_champion_that_learned_from_the_clips_is_no_baseline(
    home: Settings, scenes: list[Scene], tmp_path: Path
) -> None:
    version = version_of(home, tmp_path / "first", "first-1", learned_from=scenes[0].clip)
    crown(home, version)
    found, remarks = judge_baselines(home, scenes, tmp_path / "out", data="north", protocol=PROTOCOL, model=COMPACT)
    assert list(found) == ["(motion)"]
    assert "champion 1 is not in the table" in remarks[0]


def test_who_has_no_real_dataset_is_judged_on_nothing(tmp_path: Path) -> None:
    assert judging_scenes(tmp_path, None) == []
