"""Under a real scheduler: a night ends in ``herd.duckdb`` by way of the assets, and a backfill fills gaps."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import herdbook
from herdbook.demo.airflow import Airflow
from herdbook.processes.sessions import session_members
from herdbook.settings import Settings
from support.agents import make_device, serving

DAYS = [date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)]
DEVICES = ("barn-a-1", "barn-a-2")


def published(settings: Settings) -> set[tuple[str, date]]:
    with herdbook.connect(settings.published) as herd:
        return set(herd.execute("SELECT device_id, day FROM device_day").fetchall())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nights_end_in_the_herd_and_a_backfill_fills_gaps(settings: Settings, tmp_path: Path) -> None:
    with ExitStack() as stack:
        airflow = Airflow(settings, tmp_path / "airflow", {"HERDBOOK_RETRY_DELAY_S": "5"})
        stack.callback(airflow.stop)
        airflow.wait_until_ready(("nightly_ingest", "load_herd"), timeout_s=400)
        airflow.wait_for_first_runs("nightly_ingest")  # over before there is any device
        for device in DEVICES:
            stack.enter_context(serving(settings, make_device(tmp_path / device, device, DAYS)))

        night = airflow.wait(airflow.trigger("nightly_ingest", {"until": "2026-03-02"}))
        airflow.wait_for_next("load_herd", night, "herd_days")
        assert published(settings) == {(device, DAYS[0]) for device in DEVICES}

        nights = airflow.backfill(
            "nightly_ingest", datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 4, 12, tzinfo=UTC)
        )
        assert len(nights) == 2
        for night in nights:
            last = airflow.wait(night)
        airflow.wait_for_next("load_herd", last, "herd_days")
        assert published(settings) == {(device, day) for device in DEVICES for day in DAYS}
        assert not settings.alerts.exists()
    assert session_members(airflow.process.session) == []
