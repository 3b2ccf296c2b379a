"""A night tells people what it could not do, and the next that it is well again."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from herdbook.fleet import inventory
from herdbook.settings import Settings
from support.agents import make_device, serving
from support.airflow_home import AirflowHome
from support.device_day import DaySpec
from support.sinks import webhook

pytestmark = pytest.mark.slow
DAYS = [date(2026, 3, 2), date(2026, 3, 3)]


def test_a_silent_device_is_told_once_and_when_it_is_back(
    airflow: AirflowHome, settings: Settings, tmp_path: Path
) -> None:
    off = inventory.enrol(
        settings, "barn-a-2", farm_id="demo-farm", url="http://127.0.0.1:9", timezone="Europe/London", token="x" * 32
    )
    assert off
    with webhook() as sink, serving(settings, make_device(tmp_path / "barn-a-1", "barn-a-1", DAYS, DaySpec())):
        connection = {"conn_type": "http", "schema": "http", "host": "127.0.0.1", "port": sink.port}
        told = {"AIRFLOW_CONN_HERDBOOK_WEBHOOK": json.dumps(connection)}
        night = airflow.test("nightly_ingest", "2026-03-03T01:00:00+00:00", settings.home, env=told)
        assert {task.state for task in night.of("worries")} == {"success"}
        causes = {message["cause"]: message for message in sink.told}
        assert "does not answer" in causes["silent device"]["begun"]["barn-a-2"]
        assert "barn-a-2" in causes["failed: nightly_ingest.ingest_device"]["begun"]
        before = len(sink.told)
        airflow.test("nightly_ingest", "2026-03-03T02:00:00+00:00", settings.home, env=told)
        assert len(sink.told) == before, "once a night"
