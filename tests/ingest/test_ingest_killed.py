"""Ingest killed at random moments and run again equals an ingest that was let be."""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from dataclasses import replace
from datetime import timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from device_server import Device, serve
from ingest_cases import enrolled, rewrite, say_truth
from sqlalchemy import select

from herdbook.contracts.records import RecordKind
from herdbook.ingest.night import ingest_device
from herdbook.ingest.result import IngestState
from herdbook.ledger.models import DeviceDay, FootageClip, QuarantineEntry
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.device_day import DaySpec, write_device_day

KILLS = 50
SPEC = DaySpec(clips=5, cameras=2, animals=6, tracklets_per_animal=20)
BUDGET = 60_000  # not enough for all clips of a day
UNTIL = SPEC.day + timedelta(days=1)


@pytest.fixture(scope="module")
def device_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days: one with rows and two clips to set aside, and one that was issued again."""
    root = tmp_path_factory.mktemp("device")
    folder = write_device_day(root, SPEC)
    rewrite(folder, RecordKind.TRACKLET, lambda table: pa.concat_tables([table, table.slice(3, 2)]))
    for clip in sorted(folder.glob("*.mp4"))[:2]:
        clip.write_text("no pictures")
        say_truth(folder, clip.name)
    write_device_day(root, replace(SPEC, day=UNTIL))
    write_device_day(root, replace(SPEC, day=UNTIL, revision=2, animals=7))
    return root


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes that start at once, with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["herdbook.ingest.night", "test_ingest_killed"])
    return context


def night(home: Path) -> None:
    """What the process to be killed does."""
    failed = [r for r in ingest_device(make_settings(home), SPEC.device_id, UNTIL) if r.state is IngestState.FAILED]
    assert not failed


def make_settings(home: Path) -> Settings:
    return Settings(home=home, timeout_s=5, parallel_files=2, footage_budget_bytes=BUDGET)


def content(home: Path, device: Device) -> dict[str, Any]:
    """All that an ingest leaves behind, without the times at which it did so."""
    areas = [home / name for name in ("landing", "footage", "quarantine")]
    files = {str(path.relative_to(home)): path.read_bytes() for a in areas for path in a.rglob("*") if path.is_file()}
    untold = {"updated_at", "recorded_at", "entry_id", "completed_at"}
    rows: dict[str, list[str]] = {}
    with ledger_session(make_settings(home)) as session:
        for model in (DeviceDay, FootageClip, QuarantineEntry):
            columns = [c.name for c in model.__table__.columns if c.name not in untold]
            found = [{name: getattr(row, name) for name in columns} for row in session.scalars(select(model))]
            rows[model.__tablename__] = sorted(json.dumps(row, default=str, sort_keys=True) for row in found)
        complete = [row.completed_at is not None for row in session.scalars(select(DeviceDay))]
    return {"files": files, "rows": rows, "complete": complete, "acknowledged": device.acknowledged}


def home_for(device: Device, folder: Path) -> Path:
    enrolled(make_settings(folder / "home"), device)
    return folder / "home"


@pytest.mark.slow
def test_killed_and_run_again_is_as_never_killed(
    device_root: Path, processes: ForkServerContext, tmp_path: Path
) -> None:
    with serve(Device(device_root)) as device:
        for name in ("warm", "whole"):
            device.acknowledged.clear()
            home = home_for(device, tmp_path / name)
            begin = time.monotonic()
            process = processes.Process(target=night, args=(home,))
            process.start()
            process.join()
            took = time.monotonic() - begin
            assert process.exitcode == 0
        expected = content(home, device)
    assert {json.loads(row)["exit_code"] for row in expected["rows"]["quarantine_entry"]} == {36, 38}
    assert expected["complete"] == [True, True]
    assert any("budget" in row for row in expected["rows"]["footage_clip"])

    moments = random.Random(20260302)
    with serve(Device(device_root)) as device:
        kills = 0
        while kills < KILLS:
            device.acknowledged.clear()
            home = home_for(device, tmp_path / f"killed-{kills}")
            for _ in range(3):  # the same home is killed up to three times
                process = processes.Process(target=night, args=(home,))
                process.start()
                time.sleep(moments.uniform(0, took))
                kills += process.is_alive()
                process.kill()
                process.join()
            night(home)
            found = content(home, device)
            assert sorted(found["files"]) == sorted(expected["files"])
            assert [name for name, raw in found["files"].items() if expected["files"][name] != raw] == []
            for table, rows in expected["rows"].items():
                assert found["rows"][table] == rows
            assert found == expected
