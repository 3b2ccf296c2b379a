"""`nightly_ingest` with real agents: what is there lands, what is off is said, and nobody holds up anybody."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pyarrow as pa

from herdbook.contracts.landed_day import landed_days
from herdbook.contracts.records import RecordKind
from herdbook.fleet import inventory
from herdbook.settings import Settings
from support.agents import make_device, serving
from support.airflow_home import AirflowHome
from support.device_day import DaySpec, record_tables, write_device_day

DAYS = [date(2026, 3, 2), date(2026, 3, 3)]
AFTER_MARCH_2 = "2026-03-03T01:00:00+00:00"
"""A run started by hand then is about the night before."""


def landed(settings: Settings) -> list[str]:
    return [f"{f.parent.parent.name} {f.parent.name}" for f in landed_days(settings.landing)]


def enrol_absent(settings: Settings, device_id: str) -> None:
    inventory.enrol(
        settings, device_id, farm_id="demo-farm", url="http://127.0.0.1:9", timezone="Europe/London", token="x" * 32
    )


def test_a_night_lands_every_device_that_answers(airflow: AirflowHome, settings: Settings, tmp_path: Path) -> None:
    with ExitStack() as stack:
        for device in ("barn-a-1", "barn-a-2"):
            root = make_device(tmp_path / device, device, DAYS, DaySpec(clips=1))
            stack.enter_context(serving(settings, root))
        enrol_absent(settings, "barn-a-3")
        night = airflow.test("nightly_ingest", AFTER_MARCH_2, settings.home)

    assert landed(settings) == ["barn-a-1 2026-03-02", "barn-a-2 2026-03-02"]
    tasks = {task.name: task for task in night.of("ingest_device")}
    assert {name: task.state for name, task in tasks.items()} == {
        "barn-a-1": "success",
        "barn-a-2": "success",
        "barn-a-3": "failed",
    }
    assert tasks["barn-a-3"].tries == 2, "a device that is off is asked again"
    assert tasks["barn-a-1"].value == {
        "device_id": "barn-a-1",
        "until": "2026-03-02",
        "rows": [{"device": "barn-a-1", "day": "2026-03-02", "revision": 1, "state": "landed"}],
    }
    assert night.state == "success"
    assert night.events == {
        "herd days": {"until": "2026-03-02", "devices": ["barn-a-1", "barn-a-2"], "silent": ["barn-a-3"]}
    }
    alerts = [json.loads(line) for line in settings.alerts.read_text().splitlines()]
    assert [alert["subject"]["device_id"] for alert in alerts] == ["barn-a-3"]
    assert "does not answer" in alerts[0]["message"]


def test_a_person_may_name_the_day(airflow: AirflowHome, settings: Settings, tmp_path: Path) -> None:
    with serving(settings, make_device(tmp_path / "barn-a-1", "barn-a-1", DAYS)):
        airflow.test("nightly_ingest", AFTER_MARCH_2, settings.home, conf={"until": "2026-03-03"})
    assert landed(settings) == ["barn-a-1 2026-03-02", "barn-a-1 2026-03-03"]


def test_rows_set_aside_are_an_alert_and_no_failure(airflow: AirflowHome, settings: Settings, tmp_path: Path) -> None:
    root = make_device(tmp_path / "barn-a-1", "barn-a-1", [])
    tables = record_tables(DaySpec())
    tracklets = tables[RecordKind.TRACKLET]
    tables[RecordKind.TRACKLET] = pa.concat_tables([tracklets, tracklets.slice(0, 1)])
    write_device_day(root, DaySpec(), tables)
    with serving(settings, root):
        night = airflow.test("nightly_ingest", AFTER_MARCH_2, settings.home)
    assert landed(settings) == ["barn-a-1 2026-03-02"]
    assert [task.state for task in night.of("ingest_device")] == ["success"]
    assert "exit code 38" in settings.alerts.read_text()


def test_a_night_without_any_answer_fails(airflow: AirflowHome, settings: Settings) -> None:
    enrol_absent(settings, "barn-a-1")
    night = airflow.test("nightly_ingest", AFTER_MARCH_2, settings.home, env={"HERDBOOK_RETRIES": "0"})
    assert night.state == "failed"
    assert night.events == {}


def test_a_night_without_devices_has_nothing_to_say(airflow: AirflowHome, settings: Settings) -> None:
    night = airflow.test("nightly_ingest", AFTER_MARCH_2, settings.home)
    assert night.state == "success"
    assert [task.state for task in night.of("herd_days")] == ["skipped"]
    assert night.events == {}
