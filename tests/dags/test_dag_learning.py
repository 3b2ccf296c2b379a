"""`retrain_student` and `evaluate_promote`: a challenger comes of a run; the gates say whether it serves."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import support
from herdbook.edge.config import MOTION_RELEASE
from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.registry.gates import Verdict
from herdbook.learning.registry.models import CHALLENGER, CHAMPION, COMPACT, Version, find, register
from herdbook.learning.registry.origin import take_origin
from herdbook.learning.registry.promotion import promote
from herdbook.learning.registry.tracking import start_run
from herdbook.settings import Settings
from support.airflow_home import AirflowHome

pytest.importorskip("mlflow")
pytest.importorskip("cv2", reason="drawing and motion need the extra 'edge'")

SUNDAY = "2026-03-08T07:30:00+00:00"
LEARNING = Path(support.__file__).parents[1] / "learning"


def challenger(settings: Settings, folder: Path, *, seed: int = 0) -> Version:
    """The baseline under another name, registered: as good as itself."""
    folder.mkdir()
    said = {
        "release": MOTION_RELEASE.model_dump(mode="json") | {"release_id": f"same-{seed}"},
        "models": ["weights.bin"],
        "footprints": [{"sku": "cpu", "size_bytes": 1}],
    }
    (folder / "weights.bin").write_bytes(bytes([seed]))
    (folder / "engine.yaml").write_text(yaml.safe_dump(said))
    origin = take_origin(Path("/")).model_copy(update={"dirty": False, "dirty_paths": ()})
    with start_run(settings, "test", origin) as run:
        return register(
            run, COMPACT, [folder / "engine.yaml", folder / "weights.bin"], read_engine(folder / "engine.yaml").digest
        )


def crown(settings: Settings, version: Version) -> None:
    passed = Verdict(model=COMPACT, passed=True, checks=())
    promote(settings, COMPACT, version.number, verdict=passed, evidence_sha256="0" * 64, by="test")


def lenient(folder: Path) -> Path:
    """Gates without slices: 24 clips of 3 s are too few for them."""
    gates = {"min_sequences": 2, "slice_by": [], "margins": {"mota": {"overall": 0.01}}, "first": {"beat": ["mota"]}}
    (folder / "gates.yaml").write_text(yaml.safe_dump(gates))
    return folder / "gates.yaml"


def champion(settings: Settings) -> int | None:
    found = find(settings, COMPACT, CHAMPION)
    return found.number if found else None


def states(run: Any, group: str) -> dict[str, str]:
    return {t.task_id.partition(".")[2]: t.state for t in run.tasks if t.task_id.startswith(f"{group}.")}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_challenger_no_better_than_motion_is_an_answer_and_the_run_is_green(
    airflow: AirflowHome, settings: Settings, tmp_path: Path, small_farms: Path
) -> None:
    challenger(settings, tmp_path / "one")
    run = airflow.test("evaluate_promote", SUNDAY, settings.home, {"gates": str(lenient(tmp_path))}, told(small_farms))
    assert run.state == "success"
    assert states(run, "compact") == {
        "contest": "success", "verdict": "skipped", "asked": "skipped", "approve": "skipped", "promote": "skipped",
    }  # fmt: skip
    (said,) = run.of("compact.contest")[0].value["rows"]
    assert not said["passed"]
    assert "mota overall" in said["said"]
    assert champion(settings) is None
    assert run.of("sam3.contest")[0].value["rows"][0]["said"] == "there is no challenger"
    assert run.events == {}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_challenger_that_passes_becomes_champion(
    airflow: AirflowHome, settings: Settings, tmp_path: Path, small_farms: Path
) -> None:
    crown(settings, challenger(settings, tmp_path / "one"))
    version = challenger(settings, tmp_path / "two", seed=1)
    run = airflow.test("evaluate_promote", SUNDAY, settings.home, {"gates": str(lenient(tmp_path))}, told(small_farms))
    assert run.state == "success"
    assert states(run, "compact")["approve"] == "skipped"
    assert states(run, "compact")["promote"] == "success"
    assert champion(settings) == version.number
    assert set(run.events) == {"champion"}
    again = airflow.test("evaluate_promote", "2026-03-15T07:30:00+00:00", settings.home, {}, told(small_farms))
    assert again.of("compact.contest")[0].value["rows"][0]["said"] == "version 2 is champion already"
    assert champion(settings) == version.number


def test_without_scenes_the_champion_stays_and_an_alert_says_what_is_missing(
    airflow: AirflowHome, settings: Settings, tmp_path: Path
) -> None:
    challenger(settings, tmp_path / "one")
    run = airflow.test("evaluate_promote", SUNDAY, settings.home)
    assert run.state == "failed"
    assert "there are no scenes to judge by" in settings.alerts.read_text()
    assert champion(settings) is None


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_training_run_in_its_own_python_announces_its_challenger(
    airflow: AirflowHome, settings: Settings, tmp_path: Path, small_farms: Path
) -> None:
    python = tmp_path / "python"
    pipeline = tmp_path / "pipeline"
    lines = f"import sys; sys.path[:0] = ['{LEARNING}']\nimport small_pipeline as s; from pathlib import Path\n"
    lines += f"s.cli(s.write_pipeline(Path('{pipeline}')))\n"
    (tmp_path / "start.py").write_text(lines)
    python.write_text(f'#!/bin/sh\nshift 2\nexec {sys.executable} {tmp_path / "start.py"} "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    farms = {"farm": str(small_farms), "truth": str(small_farms)}
    conf = {"profile": "pocket", "set": ["dataset.seed=1", "dataset.frames=7"], **farms}
    run = airflow.test("retrain_student", SUNDAY, settings.home, conf, {"HERDBOOK_LEARNING_PYTHON": str(python)})
    assert run.state == "success"
    (row,) = run.of("retrain")[0].value["rows"]
    found = find(settings, COMPACT, CHALLENGER)
    assert found is not None
    assert row["registered"] == {COMPACT: found.number}
    assert run.events == {"challenger": {"run": row["run"], "versions": row["registered"]}}
    said = yaml.safe_load((settings.registry / "runs" / row["run"] / "params.yaml").read_text())
    assert said["profiles"]["pocket"]["dataset"]["frames"] == 7


def told(farms: Path) -> dict[str, str]:
    return {"HERDBOOK_EVALUATION_SCENES": str(farms / "north")}
