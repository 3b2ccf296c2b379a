"""`maintain` backs up before it removes anything."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from herdbook import night
from herdbook.settings import Settings
from support.airflow_home import AirflowHome
from support.device_day import DaySpec, land, write_device_day


def test_a_revised_day_is_backed_up_and_its_superseded_load_deleted(
    airflow: AirflowHome, settings: Settings, tmp_path: Path
) -> None:
    for revision in (1, 2):
        spec = DaySpec(day=date(2026, 3, 2), revision=revision)
        land(settings.landing, write_device_day(tmp_path / "barn-a-1", spec))
        night.load_herd(settings).raise_errors()
    run = airflow.test("maintain", "2026-03-03T04:00:00+00:00", settings.home)
    assert run.state == "success"
    assert run.of("compact")[0].value["rows"][0]["superseded_loads"] == 1
    assert list(settings.backups.glob("*/README.txt"))
