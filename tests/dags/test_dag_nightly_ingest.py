"""`nightly_ingest` with real agents: what is there lands, what is off is said, and nobody holds up anybody."""

from __future__ import annotations

import json
import socket
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


def enrol_absent(settings: Settings, device_id: str, port: int = 9) -> None:
    url = f"http://127.0.0.1:{port}"
    inventory.enrol(
        settings, device_id, farm_id="demo-farm", url=url, timezone="Europe/London", token=f"{device_id:x<32}"
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
        "herd days": {"devices": ["barn-a-1", "barn-a-2"], "failed": ["barn-a-3"], "waiting_days": 2}
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


def test_what_landed_is_announced_although_its_device_failed(
    airflow: AirflowHome, settings: Settings, tmp_path: Path
) -> None:
    root = make_device(tmp_path / "barn-a-1", "barn-a-1", DAYS[:1], DaySpec(clips=1))
    write_device_day(root, DaySpec(day=DAYS[1]))
    (clip,) = root.glob("days/*/*/*.mp4")
    rotten = bytearray(clip.read_bytes())
    rotten[len(rotten) // 2] ^= 1
    clip.write_bytes(rotten)
    with serving(settings, root):
        night = airflow.test("nightly_ingest", AFTER_MARCH_2, settings.home, conf={"until": "2026-03-03"})
    assert landed(settings) == ["barn-a-1 2026-03-02", "barn-a-1 2026-03-03"]
    assert [task.state for task in night.of("ingest_device")] == ["failed"]
    assert night.state == "success"
    assert night.events == {"herd days": {"devices": [], "failed": ["barn-a-1"], "waiting_days": 2}}
    assert "exit code 33" in settings.alerts.read_text()


def test_a_slow_device_holds_nobody_up(airflow: AirflowHome, settings: Settings, tmp_path: Path) -> None:
    with socket.socket() as silent, ExitStack() as stack:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # it takes the call and says nothing
        enrol_absent(settings, "barn-a-1", silent.getsockname()[1])
        stack.enter_context(serving(settings, make_device(tmp_path / "barn-a-2", "barn-a-2", DAYS)))
        night = airflow.test(
            "nightly_ingest",
            AFTER_MARCH_2,
            settings.home,
            env={"HERDBOOK_NIGHT_HOURS": str(30 / 3600), "HERDBOOK_TIMEOUT_S": "600"},
        )
    tasks = {task.name: (task.state, task.tries) for task in night.of("ingest_device")}
    assert tasks == {"barn-a-1": ("failed", 1), "barn-a-2": ("success", 1)}
    assert night.events["herd days"]["devices"] == ["barn-a-2"]
    assert "not done within" in settings.alerts.read_text()


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
