"""A load killed with SIGKILL at any moment leaves nothing that anybody sees; run again, it is as if it never was."""

from __future__ import annotations

import multiprocessing
import random
import time
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from herdbook.contracts.landed_day import read_landed_day
from herdbook.contracts.records import RecordKind
from herdbook.lake.attach import open_lake
from herdbook.lake.load import load_device_day
from herdbook.lake.migrate import migrate
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day

MANIFEST = ("camera_setup", "calibration", "model_release")
TABLES = (*(kind.value for kind in RecordKind), *MANIFEST)
KILLS = {"sqlite": 25, "postgres": 10}

# Rows that no device_day row speaks of, and days that lack rows it promises.
UNSEEN = " UNION ALL ".join(
    f"SELECT load_id FROM record.{table} ANTI JOIN record.device_day USING (load_id)" for table in TABLES
)
TORN = "SELECT load_id FROM device_day AS d WHERE " + " OR ".join(
    f"d.{kind.value}_rows <> (SELECT count(*) FROM record.{kind.value} AS r WHERE r.load_id = d.load_id)"
    for kind in RecordKind
)


def load_when_told(settings: Settings, ready: Connection) -> None:
    """Load the folders that come through the pipe, one after another."""
    ready.send("ready")
    while True:
        load_device_day(settings, read_landed_day(ready.recv()))
        ready.send("loaded")


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


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_loads_leave_nothing_and_are_made_good(any_lake: Settings, tmp_path: Path) -> None:
    chance = random.Random(2)
    kills = KILLS["postgres" if any_lake.lake_catalog.startswith("postgres:") else "sqlite"]
    spec = DaySpec(animals=6, tracklets_per_animal=40, bouts_per_tracklet=10, embeddings_per_tracklet=4, cameras=2)
    days = [replace(spec, day=spec.day + timedelta(n), seed=n) for n in range(kills + 1)]
    folders = [land(any_lake.landing, write_device_day(any_lake.home / "device", day)).folder for day in days]

    context = multiprocessing.get_context("spawn")
    moments, done = 0.5, 0
    for n, folder in enumerate(folders):
        here, there = context.Pipe()
        worker = context.Process(target=load_when_told, args=(any_lake, there))
        worker.start()
        assert here.recv() == "ready"
        if n == 0:  # how long a load takes; two, since the first one in a process imports
            begun = time.monotonic()
            here.send(folder)
            here.recv()
            moments = time.monotonic() - begun
        else:
            here.send(folder)
            time.sleep(chance.uniform(0, moments))
            done += here.poll()
        worker.kill()
        worker.join()
        with open_lake(any_lake, read_only=True) as lake:
            assert lake.execute(UNSEEN).fetchall() == []
            assert lake.execute(TORN).fetchall() == []
    assert done < kills, "some were killed on the way"

    for folder in folders:
        load_device_day(any_lake, read_landed_day(folder))
    undisturbed = Settings(home=tmp_path / "undisturbed")
    migrate(undisturbed)
    for folder in folders:
        load_device_day(undisturbed, read_landed_day(folder))
    assert content(any_lake) == content(undisturbed)
