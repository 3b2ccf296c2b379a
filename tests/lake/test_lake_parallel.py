"""Four loads at once and two readers, each in a process of its own: no reader ever sees half a day."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import replace
from datetime import timedelta
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import pytest

from herdbook.contracts.landed_day import read_landed_day
from herdbook.contracts.records import RecordKind
from herdbook.lake.attach import open_lake
from herdbook.lake.load import load_device_day
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day

HALF_DAYS = "SELECT d.load_id FROM device_day AS d WHERE " + " OR ".join(
    f"d.{kind.value}_rows <> (SELECT count(*) FROM {kind.value} AS r WHERE r.load_id = d.load_id)"
    for kind in RecordKind
)


def load_all(settings: Settings, folders: list[Path]) -> None:
    for folder in folders:
        load_device_day(settings, read_landed_day(folder))


def load_together(settings: Settings, folder: Path, start: Barrier) -> None:
    landed = read_landed_day(folder)
    with open_lake(settings, read_only=True):  # what takes time is done before
        start.wait()
        load_device_day(settings, landed)


def read_on(settings: Settings, stop: Event, report: multiprocessing.Queue[tuple[int, list[str]]]) -> None:
    looks, torn = 0, []
    while not stop.is_set():
        with open_lake(settings, read_only=True) as lake:
            for _ in range(3):
                torn += [row[0] for row in lake.execute(HALF_DAYS).fetchall()]
                looks += 1
    report.put((looks, torn))


@pytest.mark.slow
def test_no_reader_sees_half_a_day(any_lake: Settings) -> None:
    spec = DaySpec(animals=8, tracklets_per_animal=20, bouts_per_tracklet=10)
    folders: list[list[Path]] = []
    for device in range(4):
        mine = []
        for night in range(3):
            for revision in (1, 2):
                day = replace(
                    spec, device_id=f"barn-{device}", day=spec.day + timedelta(night), revision=revision, seed=revision
                )
                root = any_lake.home / "devices" / day.device_id
                mine.append(land(any_lake.landing, write_device_day(root, day)).folder)
        folders.append(mine)

    context = multiprocessing.get_context("spawn")
    stop, report = context.Event(), context.Queue()
    readers = [context.Process(target=read_on, args=(any_lake, stop, report)) for _ in range(2)]
    loaders = [context.Process(target=load_all, args=(any_lake, mine)) for mine in folders]
    for process in readers + loaders:
        process.start()
    for process in loaders:
        process.join(240)
    time.sleep(0.5)
    stop.set()
    reports = [report.get(timeout=60) for _ in readers]
    for process in readers:
        process.join(60)

    assert [p.exitcode for p in loaders] == [0] * 4
    assert all(looks > 3 for looks, _ in reports)
    assert [torn for _, torn in reports] == [[], []]
    with open_lake(any_lake, read_only=True) as lake:
        assert lake.execute("SELECT count(*), min(revision) FROM device_day").fetchone() == (12, 2)
        assert lake.execute("SELECT count(*) FROM record.device_day").fetchone() == (24,)
        assert lake.execute(HALF_DAYS).fetchall() == []


@pytest.mark.slow
def test_one_day_loaded_four_times_at_once_is_loaded_once(any_lake: Settings) -> None:
    context = multiprocessing.get_context("spawn")
    for night in range(3):
        day = DaySpec(animals=8, tracklets_per_animal=20, day=DaySpec().day + timedelta(night))
        folder = land(any_lake.landing, write_device_day(any_lake.home / "device", day)).folder
        start = context.Barrier(4)
        loaders = [context.Process(target=load_together, args=(any_lake, folder, start)) for _ in range(4)]
        for process in loaders:
            process.start()
        for process in loaders:
            process.join(120)
        assert [p.exitcode for p in loaders] == [0] * 4
        with open_lake(any_lake, read_only=True) as lake:
            assert lake.execute("SELECT count(*) FROM record.device_day").fetchone() == (night + 1,)
            assert lake.execute("SELECT count(*) FROM record.tracklet").fetchone() == ((night + 1) * 160,)
