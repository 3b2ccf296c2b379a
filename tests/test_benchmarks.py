"""Benchmarks run: here on a handful of bytes, with nothing said about speed."""

from __future__ import annotations

import json
import shutil
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
