"""`reprocess` reads each device day in a task of its own; `reread` waits for a teacher."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from herdbook.lake.attach import open_lake
from herdbook.settings import Settings
from support.airflow_home import AirflowHome
from support.archive import DAY, archive

pytest.importorskip("cv2", reason="recording needs the extra 'edge'")

RELEASE = "{release_id: motion-2, engine: motion, space_id: motion-appearance-2, dimensions: 96, ethogram_id: pig-9}"


@pytest.mark.slow
def test_each_device_day_is_read_once(
    airflow: AirflowHome, settings: Settings, tmp_path: Path, small_farms: Path
) -> None:
    archive(settings, small_farms / "north")
    (tmp_path / "engine.yaml").write_text(f"release: {RELEASE}\n")
    conf = {"release": str(tmp_path)}
    run = airflow.test("reprocess", "2026-03-03T09:00:00+00:00", settings.home, conf)
    assert run.state == "success"
    (read,) = run.of("read")
    assert read.value["rows"][0]["clips"] == 2
    with open_lake(settings, read_only=True) as lake:
        assert lake.execute("SELECT load_id FROM reading").fetchall() == [(read.value["rows"][0]["load_id"],)]
    again = airflow.test("reprocess", "2026-03-04T09:00:00+00:00", settings.home, conf)
    assert again.state == "success"
    assert [task.state for task in again.of("read")] == ["skipped"]


@pytest.mark.slow
def test_a_day_that_fails_leaves_the_others(
    airflow: AirflowHome, settings: Settings, tmp_path: Path, small_farms: Path
) -> None:
    days = [DAY, DAY + timedelta(1)]
    for farm in ("north", "south"):
        archive(settings, small_farms / farm, tuple(days))
    (tmp_path / "engine.yaml").write_text(f"release: {RELEASE}\n")
    conf = {"release": str(tmp_path)}
    broken = min((settings.footage / "north-barn-1" / f"{DAY}").rglob("*.mp4"))
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])

    run = airflow.test("reprocess", "2026-03-05T09:00:00+00:00", settings.home, conf)
    assert run.state == "failed"
    became = {str(task.name): task.state for task in run.of("read")}
    every = {f"{farm}-barn-1 {day}" for farm in ("north", "south") for day in days}
    assert became == dict.fromkeys(every, "success") | {f"north-barn-1 {DAY}": "failed"}
    with open_lake(settings, read_only=True) as lake:
        read = lake.execute("SELECT device_id || ' ' || day FROM reading").fetchall()
    assert {name for (name,) in read} == every - {f"north-barn-1 {DAY}"}
    (alert,) = map(json.loads, settings.alerts.read_text().splitlines())
    assert alert["subject"] == {"device_id": "north-barn-1", "day": f"{DAY}"}
    assert f"the footage '{broken.name}' of north-barn-1 {DAY}" in alert["message"]

    broken.write_bytes(whole)
    again = airflow.test("reprocess", "2026-03-06T09:00:00+00:00", settings.home, conf)
    assert again.state == "success"
    assert [task.name for task in again.of("read")] == [f"north-barn-1 {DAY}"], "the next run reads what is left"


def test_without_a_teacher_nothing_is_read_again(airflow: AirflowHome, settings: Settings) -> None:
    run = airflow.test("reread", "2026-03-03T09:00:00+00:00", settings.home)
    assert {task.state for task in run.tasks} == {"skipped"}
