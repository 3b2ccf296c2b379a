"""A load killed with SIGKILL at any moment leaves nothing that anybody sees; run again, it is as if it never was."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb
import pytest

from herdbook.contracts.landed_day import LandedDay, read_landed_day
from herdbook.contracts.records import RecordKind
from herdbook.lake import load as load_module
from herdbook.lake.attach import kept_open, open_lake
from herdbook.lake.load import LoadResult, load_device_day
from herdbook.lake.migrate import migrate
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day
from support.kill import Worker, forked

KILLS = 50
WITHIN = 25
"""At least so many of them hit a load between its first statement and the end of its commit."""

SPEC = DaySpec(animals=4, tracklets_per_animal=20, cameras=2)
MANIFEST = ("camera_setup", "calibration", "model_release")
TABLES = (*(kind.value for kind in RecordKind), *MANIFEST)

# Rows that no device_day row speaks of, and days that lack rows it promises.
UNSEEN = " UNION ALL ".join(
    f"SELECT load_id FROM record.{table} ANTI JOIN record.device_day USING (load_id)" for table in TABLES
)
TORN = "SELECT load_id FROM device_day AS d WHERE " + " OR ".join(
    f"d.{kind.value}_rows <> (SELECT count(*) FROM record.{kind.value} AS r WHERE r.load_id = d.load_id)"
    for kind in RecordKind
)


def load_when_told(pipe: Connection, settings: Settings) -> None:
    """Load the folders that come through the pipe; say when the transaction is entered, and when all is done."""
    enter = load_module._load

    def tell_and_enter(lake: duckdb.DuckDBPyConnection, landed: LandedDay, bits: int) -> LoadResult:
        pipe.send("within")
        return enter(lake, landed, bits)

    load_module._load = tell_and_enter
    with kept_open():
        open_lake(settings).close()
        pipe.send("ready")
        while True:
            load_device_day(settings, read_landed_day(pipe.recv()))
            pipe.send("loaded")


def content(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    """All that is loaded, but for what differs from run to run: the loads' names and times."""
    with open_lake(settings, read_only=True) as lake:
        found = {
            name: lake.execute(f"SELECT * EXCLUDE (load_id) FROM {name} ORDER BY ALL").fetchall() for name in TABLES
        }
        found["device_day"] = lake.execute(
            "SELECT * EXCLUDE (load_id, loaded_at) FROM device_day ORDER BY ALL"
        ).fetchall()
        assert lake.execute("SELECT count(*) FROM record.device_day").fetchone() == (len(found["device_day"]),)
    return found


def durations(worker: Worker, folders: list[Path]) -> tuple[float, float]:
    """How long a load takes from being told, and from within its transaction: of a process that did one before."""
    for folder in folders:
        begun = time.monotonic()
        worker.pipe.send(folder)
        assert worker.pipe.recv() == "within"
        within = time.monotonic()
        assert worker.pipe.recv() == "loaded"
    return time.monotonic() - begun, time.monotonic() - within


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_loads_leave_nothing_and_are_made_good(any_lake: Settings, tmp_path: Path) -> None:
    chance = random.Random(2)
    days = [replace(SPEC, day=SPEC.day + timedelta(n), seed=n) for n in range(KILLS + 2)]
    folders = [land(any_lake.landing, write_device_day(any_lake.home / "device", day)).folder for day in days]
    with forked(load_when_told, any_lake) as worker:
        assert worker.pipe.recv() == "ready"
        whole, transaction = durations(worker, folders[:2])

    within = done = 0
    for n, folder in enumerate(folders[2:]):
        with forked(load_when_told, any_lake) as worker:
            assert worker.pipe.recv() == "ready"
            worker.pipe.send(folder)
            if n % 2:  # at any moment of the load, or of its transaction
                time.sleep(chance.uniform(0, whole))
            else:
                assert worker.pipe.recv() == "within"
                time.sleep(chance.uniform(0, transaction))
            worker.kill()
            said = worker.said()
        done += "loaded" in said
        within += "loaded" not in said and (n % 2 == 0 or "within" in said)
        with open_lake(any_lake, read_only=True) as lake:
            assert lake.execute(UNSEEN).fetchall() == []
            assert lake.execute(TORN).fetchall() == []
    print(f"{KILLS} killed: {within} within the transaction, {done} after it")
    assert within >= WITHIN

    for folder in folders:
        load_device_day(any_lake, read_landed_day(folder))
    undisturbed = Settings(home=tmp_path / "undisturbed")
    migrate(undisturbed)
    with kept_open():
        for folder in folders:
            load_device_day(undisturbed, read_landed_day(folder))
        assert content(any_lake) == content(undisturbed)
