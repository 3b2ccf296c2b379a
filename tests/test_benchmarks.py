"""Benchmarks run: here on a handful of bytes, with nothing said about speed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

import benchmarks.load
import benchmarks.pull
from benchmarks import (
    alerts,
    animal_day,
    estimators,
    full_size,
    herd_records,
    hundred,
    kept,
    readers,
    reid_storage,
    rollout,
    rollout_drift,
    streaming_memory,
    study_table,
)
from herdnet.sam3_config import SmallTeacher
from herdnet.student import StudentConfig
from support.device_day import DaySpec

COLUMNS = {"name", "ours", "baseline", "unit", "ratio", "aim"}


ROOT = Path(__file__).parents[1]


def test_benchmarks_find_the_kit_of_tests_and_dags() -> None:
    """In a checkout, without pytest's path: nights of many devices run the DAGs' commands."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    line = [sys.executable, "-c", "import benchmarks, support.night_workers, herdbook_airflow.command"]
    done = subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_results_for_people_say_what_was_found(tmp_path: Path) -> None:
    where = kept.circumstances("python -m benchmarks readers")
    figures = {"alone_s": 1.0, "beside_s": 2.5, "ratio": 2.5}
    found: dict[str, object] = {"circumstances": where, "readers": 8, "loaders": 4, "days": 48, "load_s": 60.0}
    found |= {f"{what}_{name}": value for what in ("median", "worst") for name, value in figures.items()}
    found |= {"studies_alone": 24, "studies_beside": 40, "wrong": []}
    kept.keep(tmp_path, "readers", found, readers._text(found))
    assert json.loads((tmp_path / "readers.json").read_bytes()) == found
    text = (tmp_path / "readers.md").read_text()
    assert text.startswith(f"`python -m benchmarks readers`, {where['day']}, commit {where['commit']}, ")
    assert "| median | 1.0 | 2.5 | 2.5 |" in text
    assert "All 64 studies of the pin wrote the same bundle" in text
    assert "a torn day" in "".join(readers._text(found | {"wrong": ["a torn day"]}))


def test_what_a_bad_night_lost_is_not_passed_over() -> None:
    phase = {"wall_s": 1.2, "processor_s": 2.0}
    found = {name: dict.fromkeys(("ingest", "load", "publish"), phase) for name in ("calm", "bad", "next")}
    found |= {"failed tries, bad night": {"worker killed": 2}, "failed tries, next night": {}}
    rows = {"record.device_day": 11, "claim": 1320, "footage": 40, "torn": 0, "unseen": 0}
    found |= {"connections": {"all": 80, "cut": 8}, "rows": rows, "done": ["a deed"]}
    more = {"devices": 10, "workers": 4, "wall_s": 200, "off": ["barn-009"], "full disk": "barn-002"}
    well = "\n".join(hundred._text(found | more | {"wrong": []}))
    assert "8 of 80 connections" in well
    assert "| bad night | 1 / 2 | 1 / 2 | 1 / 2 |" in well
    assert "2 worker killed in the bad night, none in the next" in well
    assert "row for row" in well
    ill = "\n".join(hundred._text(found | more | {"wrong": ["bout differs after the next"]}))
    assert "bout differs after the next" in ill
    assert "row for row" not in ill


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is the baseline")
def test_pulling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks.pull, "ROUNDS", 1)
    monkeypatch.setattr(benchmarks.pull, "DAY", replace(benchmarks.pull.DAY, clips=3, clip_bytes=100_000))
    rows = benchmarks.pull.run()
    assert [set(row) for row in rows] == [COLUMNS] * 2
    assert all(row["ratio"] > 0 for row in rows)


def test_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks.load, "ROUNDS", 1)
    monkeypatch.setattr(benchmarks.load, "SIZES", {"one pen": DaySpec()})
    (row,) = benchmarks.load.run()
    assert set(row) == COLUMNS
    assert row["ratio"] > 0


def test_streaming_holds_no_more_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming_memory, "RESULTS", tmp_path)
    monkeypatch.setattr(streaming_memory, "SETTLED", 20)
    here = partial(streaming_memory.stream, frames=40, every=5, cap=10**12)  # a process each would import for long
    monkeypatch.setattr(streaming_memory, "_in_own_process", here)
    rows = {row["name"]: row for row in streaming_memory.run()}
    held = rows["held, growth after frame 20"]
    assert held["ours"] == 0
    assert held["baseline"] > 50
    written = json.loads((tmp_path / "streaming-memory.json").read_bytes())
    assert written["frames"] == {"pruned": 40, "unpruned": 40}
    assert (tmp_path / "streaming-memory.png").stat().st_size > 1000


def test_a_stream_stops_at_the_cap() -> None:
    assert streaming_memory.stream(pruned=True, frames=30, every=2, cap=1).frames == [2]


def test_a_herd_is_written_loaded_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(herd_records, "RESULTS", tmp_path)
    monkeypatch.setattr(herd_records, "PLAN", {"devices": 1, "pens_per_device": 1, "days": 3})
    monkeypatch.setattr(herd_records, "DAY", DaySpec())
    monkeypatch.setattr(herd_records, "_in_own_process", herd_records._write)  # a process would import for long
    rows = herd_records.run()
    assert [set(row) for row in rows] == [COLUMNS] * 4
    assert json.loads((tmp_path / "herd-records.json").read_bytes())["bouts"] > 1000


def test_a_study_by_hand_gives_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails where pandas (or polars, where it is) draws other animals or finds other exposures."""
    monkeypatch.setattr(study_table, "RESULTS", tmp_path)
    monkeypatch.setattr(study_table, "ROUNDS", 1)
    monkeypatch.setattr(study_table, "PLAN", study_table.PLAN | {"devices": 1, "pens_per_device": 2, "days": 150})
    rows = study_table.run()
    assert [set(row) for row in rows] == [COLUMNS] * 2
    assert json.loads((tmp_path / "study-table.json").read_bytes())["rows"] > 30


@pytest.mark.slow
def test_seconds_by_animal_and_day_by_hand_are_the_views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animal_day, "RESULTS", tmp_path)
    monkeypatch.setattr(animal_day, "ROUNDS", 1)
    monkeypatch.setattr(animal_day, "PLAN", {"devices": 1, "pens_per_device": 1, "animals_per_pen": 5, "days": 4})
    rows = animal_day.run()
    assert [set(row) for row in rows] == [COLUMNS] * 2
    assert json.loads((tmp_path / "animal-day.json").read_bytes())["bouts"] > 100


def test_full_size_runs_small_and_without_a_gpu() -> None:
    teacher = SmallTeacher(image_size=32, patch_size=8, channels=64, layers=2, window=2)
    student = StudentConfig(trunk="mobilenetv4_conv_small", image_size=64, grid=4, channels=64, width=32)
    small = full_size.Size(teacher, student, frame=(48, 64), frames=1, objects=2, warm=1, batch=2, steps=1)
    small = replace(small, dtype=torch.float32)  # CPUs do not resize in bfloat16
    found = full_size.measure(torch.device("cpu"), small)
    assert found["teacher"]["frame_s"] > 0
    assert found["student"]["backbone_s"] > 0
    assert found["training"]["frames_per_s"] > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_full_size_says_that_there_is_no_gpu() -> None:
    with pytest.raises(SystemExit, match="needs a GPU"):
        full_size.run()


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R's survival is the baseline")
def test_fits_are_timed_beside_those_of_r(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimators, "FITS", 1)
    rows = estimators.run()
    assert [set(row) for row in rows] == [COLUMNS] * 2
    assert all(row["ratio"] > 0 for row in rows)


@pytest.mark.slow
def test_rolling_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rollout, "RESULTS", tmp_path / "rollout.json")
    (row,) = rollout.run((4,))
    assert row["ours"] > 0
    (cost,) = json.loads((tmp_path / "rollout.json").read_text())
    assert (cost["devices"], cost["waves"] > 1) == (4, True)


def test_measuring_drift(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rollout_drift, "RESULTS", tmp_path / "drift.md")
    monkeypatch.setattr(rollout_drift, "WAVES", 3)
    rows = {row["model"]: row["12 clips"] for row in rollout_drift.run()}
    assert rows["the same model, read twice"] == 0.0
    assert rows["calls every pig lying"] == 1.0


@pytest.mark.slow
def test_alerts_are_counted_on_healthy_and_sick_herds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "RESULTS", tmp_path)
    small = {"devices": 1, "pens_per_device": 1, "animals_per_pen": 6}
    monkeypatch.setattr(alerts, "HERD", small | {"days": 20})
    monkeypatch.setattr(alerts, "SICK", alerts.SICK | {"days": 35})
    monkeypatch.setattr(alerts, "FASTS", 2)
    monkeypatch.setattr(alerts, "PENS", {"pens": 1, "animals_per_pen": 4, "days": 1})
    rows = alerts.run()
    assert [set(row) for row in rows] == [COLUMNS] * 6
    written = json.loads((tmp_path / "alerts.json").read_bytes())
    judged = written["judged on"]
    assert 0 < judged["animal_days"] <= 120
    assert judged["sick"]["animal-off-feed"]["of"] == 2
    assert all(
        figures["from"] <= figures["per_100_days"] <= figures["to"] for figures in judged["false_alarms"].values()
    )


def test_an_interval_of_a_count_is_garwoods() -> None:
    figures = alerts.rate(10, 1000, "animal-days")
    assert (figures["from"], figures["to"]) == (pytest.approx(0.480, abs=1e-3), pytest.approx(1.839, abs=1e-3))
    assert alerts.rate(0, 100, "pen-days")["to"] == pytest.approx(3.689, abs=1e-3)


@pytest.mark.slow
def test_what_looks_cost_to_keep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"SEEDS": (1,), "DAYS": (2,), "RESULTS": tmp_path, "PLOT": tmp_path / "plot.png"}.items():
        monkeypatch.setattr(reid_storage, name, value)
    rows = reid_storage.run()
    assert all(set(row) == COLUMNS for row in rows)
    by_name = {row["name"]: row for row in rows}
    assert by_name["float32"]["ours"] > by_name["int8"]["ours"] > by_name["int4"]["ours"]
    assert by_name["int4"]["ours"] < reid_storage.AIM_MB
    assert (tmp_path / "plot.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "reid-storage.json").read_text())["table"][0]["code"] == "float32"
