"""A night of two devices, ingest to ``herd.duckdb``: by the DAGs under a real scheduler, against the bare functions.

Between them stands the same night by the commands that the DAGs start: what a process per step costs without Airflow.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.rounds import rounds
from herdbook.demo.airflow import Airflow
from herdbook.ingest.night import ingest_device
from herdbook.lake.migrate import migrate
from herdbook.ledger.migrate import upgrade
from herdbook.night import load_herd
from herdbook.settings import Settings
from support.agents import make_device, serving
from support.device_day import DaySpec

ROUNDS = 3
DEVICES = ("barn-a-1", "barn-a-2")
FIRST = date(2026, 3, 2)
DAY = DaySpec(animals=40, tracklets_per_animal=100, clips=12)
"""A day of one device: 4,000 tracklets with 16,000 bouts, and some clips."""

By = Callable[[date], None]


def run() -> list[dict[str, Any]]:
    """Seconds a night, the median of rounds; each way fetches a day of its own in each round."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        settings = Settings(home=Path(folder, "home"), lookback_days=0)
        migrate(settings)
        upgrade(settings)
        airflow = Airflow(settings, Path(folder, "airflow"), {"HERDBOOK_LOOKBACK_DAYS": "0"})
        stack.callback(airflow.stop)
        airflow.wait_until_ready(("nightly_ingest", "load_herd"), timeout_s=400)
        airflow.wait_for_first_runs("nightly_ingest")  # over before there is any device
        ways: dict[str, By] = {
            "functions": lambda day: _functions(settings, day),
            "commands": lambda day: _commands(settings, day),
            "DAGs": lambda day: _dags(airflow, day),
        }
        _serve(settings, Path(folder), len(ways) * (ROUNDS + 1), stack)
        seconds = _take_turns(ways)
    baseline = statistics.median(seconds["functions"])
    return [
        {
            "name": f"a night of two devices, {way} against functions",
            "ours": round(statistics.median(seconds[way]), 2),
            "baseline": round(baseline, 2),
            "unit": "s",
            "ratio": round(statistics.median(seconds[way]) / baseline, 2),
        }
        for way in ("commands", "DAGs")
    ]


def _take_turns(ways: dict[str, By]) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    day = FIRST
    for number in rounds(ROUNDS, "nights of two devices"):
        for way, night in ways.items():
            begin = time.perf_counter()
            night(day)
            if number:
                seconds[way].append(time.perf_counter() - begin)
            day += timedelta(days=1)
    return seconds


def _functions(settings: Settings, day: date) -> None:
    for device_id in DEVICES:
        ingest_device(settings, device_id, day)
    load_herd(settings).raise_errors()


def _commands(settings: Settings, day: date) -> None:
    nights = [("ingest", device_id, "--until", day.isoformat()) for device_id in DEVICES]
    for arguments in (*nights, ("load", "--no-publish"), ("publish",)):
        subprocess.run(
            [sys.executable, "-m", "herdbook", *arguments, "--json"],
            env={**os.environ, "HERDBOOK_HOME": str(settings.home), "HERDBOOK_LOOKBACK_DAYS": "0"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )


def _dags(airflow: Airflow, day: date) -> None:
    night = airflow.wait(airflow.trigger("nightly_ingest", {"until": day.isoformat()}))
    airflow.wait_for_next("load_herd", night, "herd_days")


def _serve(settings: Settings, folder: Path, days: int, stack: ExitStack) -> None:
    """The real agents, over device days without pixels."""
    for device_id in DEVICES:
        served = [FIRST + timedelta(days=n) for n in range(days)]
        stack.enter_context(serving(settings, make_device(folder / device_id, device_id, served, DAY)))
