"""`load_herd`: what landed is loaded, what is bad does not hold up the rest, and people get a new ``herd.duckdb``."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import herdbook
from herdbook.settings import Settings
from support.airflow_home import AirflowHome
from support.device_day import DaySpec, land, write_device_day

NIGHT = "2026-03-03T01:30:00+00:00"


def land_day(settings: Settings, root: Path, device_id: str, day: date) -> Path:
    spec = replace(DaySpec(), device_id=device_id, day=day)
    return land(settings.landing, write_device_day(root / device_id, spec)).folder


def published_days(settings: Settings) -> list[tuple[str, str]]:
    with herdbook.connect(settings.published) as herd:
        return herd.execute("SELECT device_id, day::VARCHAR FROM device_day ORDER BY ALL").fetchall()


def test_landed_days_are_published_and_the_lake_is_announced(
    airflow: AirflowHome, settings: Settings, tmp_path: Path
) -> None:
    for device in ("barn-a-1", "barn-a-2"):
        land_day(settings, tmp_path, device, date(2026, 3, 2))
    run = airflow.test("load_herd", NIGHT, settings.home)
    assert run.state == "success"
    assert published_days(settings) == [("barn-a-1", "2026-03-02"), ("barn-a-2", "2026-03-02")]
    rows = run.of("load_days")[0].value["rows"]
    assert [set(row) for row in rows] == [{"device_id", "day", "revision", "load_id"}] * 2, "references only"
    assert run.of("publish")[0].value["rows"] == [{"published": str(settings.published)}]
    assert set(run.events) == {"herd lake"}


def test_a_day_that_cannot_be_loaded_does_not_hold_up_the_others(
    airflow: AirflowHome, settings: Settings, tmp_path: Path
) -> None:
    broken = land_day(settings, tmp_path, "barn-a-1", date(2026, 3, 2))
    (broken / "files" / "bout.parquet").unlink()
    land_day(settings, tmp_path, "barn-a-2", date(2026, 3, 2))
    run = airflow.test("load_herd", NIGHT, settings.home)
    assert {task.task_id: (task.state, task.tries) for task in run.tasks} == {
        "load_days": ("failed", 1),  # the same files fail the same way: nobody waits for another try
        "publish": ("success", 1),
        "pools": ("success", 1),
        "reviews": ("success", 1),
    }
    assert published_days(settings) == [("barn-a-2", "2026-03-02")]
    assert "bout.parquet is gone since the day landed" in settings.alerts.read_text()
