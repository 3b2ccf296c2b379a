"""Epidemiologists at work while the herd is being loaded: processes that run studies, and look that days are whole."""

from __future__ import annotations

import multiprocessing
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from herdbook.contracts.landed_day import read_landed_day
from herdbook.lake import maintenance, pins
from herdbook.lake.attach import kept_open, latest_snapshot, open_lake
from herdbook.lake.bulk import load_parts
from herdbook.lake.load import load_device_day
from herdbook.lake.migrate import migrate
from herdbook.settings import Settings
from herdbook.simulate.herd import make_herd_plan
from herdbook.simulate.herd.run import simulate_herd
from herdbook.studies.definition import Study
from herdbook.studies.run import plan, run
from support.device_day import DaySpec, land, write_device_day
from support.lake_content import TORN

PIN = "before the load"
STUDY = Study.model_validate(
    {
        "study": "lying-before-lameness",
        "snapshot": PIN,
        "population": {"since": "2023-01-16", "until": "2024-01-01"},
        "outcome": {"name": "lame", "any_of": [{"kind": "diagnosis"}]},
        "exposure": {"primary": {"measure": "lying_share", "per": 0.05}},
        "identity": {"minimum_confidence": 0},
    }
)


@dataclass
class Reading:
    """What a reader did."""

    seconds: list[float] = field(default_factory=list)
    """Of each study of the pinned snapshot, from opening the lake to the written bundle."""
    digests: set[str] = field(default_factory=set)
    """Of their bundles."""
    days: list[int] = field(default_factory=list)
    """Device days that the lake had, look by look."""
    torn: list[str] = field(default_factory=list)
    """Days of which a part was seen, and looks at one snapshot that differ."""
    errors: list[str] = field(default_factory=list)


def make_herd(settings: Settings, herd: dict[str, Any], folder: Path) -> None:
    """A lake with a simulated herd of years, under a pin."""
    migrate(settings)
    simulate_herd(make_herd_plan(herd), folder)
    with kept_open():
        load_parts(settings, folder)
        pins.pin(settings, PIN)


def land_days(settings: Settings, spec: DaySpec, devices: int, days: int) -> list[list[Path]]:
    """Days of further devices, landed and waiting for their load; by device."""
    landed = []
    for n in range(devices):
        named = replace(spec, device_id=f"late-{n}", farm_id="late-farm", seed=n)
        root = settings.home / "devices" / named.device_id
        every = [replace(named, day=spec.day + timedelta(k)) for k in range(days)]
        landed.append([land(settings.landing, write_device_day(root, day)).folder for day in every])
    return landed


def load(settings: Settings, folders: Sequence[Path]) -> None:
    """A worker that loads days one after another."""
    with kept_open():
        for folder in folders:
            load_device_day(settings, read_landed_day(folder))


def read(settings: Settings, out: Path, stop: Event, rounds: int, report: Any) -> None:
    """Run the study again and again, at least so many times, and until told to stop; report a `Reading`."""
    reading = Reading()
    try:
        while len(reading.seconds) < rounds or not stop.is_set():
            begun = time.perf_counter()
            ran = run(settings, STUDY, out / f"{len(reading.seconds)}")
            reading.seconds.append(time.perf_counter() - begun)
            reading.digests.add(ran.digest)
            _look(settings, reading)
    except Exception:
        reading.errors.append(traceback.format_exc())
    report.put(reading)


def _look(settings: Settings, reading: Reading) -> None:
    """The newest snapshot: whole days only, and the same study twice is the same while others write."""
    snapshot = latest_snapshot(settings)
    asked = STUDY.model_copy(update={"snapshot": snapshot})
    seen = []
    for _ in range(2):
        with open_lake(settings, read_only=True, snapshot=snapshot) as lake:
            reading.torn += [str(row[0]) for row in lake.execute(TORN).fetchall()]
            days = lake.execute("SELECT count(*), sum(tracklet_rows) FROM device_day").fetchone() or (0, 0)
        rows = plan(settings, asked)[1].rows
        seen.append((days, rows.num_rows))
    reading.days.append(int(seen[0][0][0]))
    if seen[0] != seen[1]:
        reading.torn.append(f"snapshot {snapshot} differs from itself: {seen}")


def read_meanwhile(
    settings: Settings, out: Path, readers: int, rounds: int, meanwhile: Callable[[], None]
) -> list[Reading]:
    """So many readers in processes of their own while something else happens; what each did."""
    context = multiprocessing.get_context("spawn")
    stop, report = context.Event(), context.Queue()
    started = [
        context.Process(target=read, args=(settings, _folder(out / f"{n}"), stop, rounds, report))
        for n in range(readers)
    ]
    for process in started:
        process.start()
    try:
        meanwhile()
    finally:
        stop.set()
        found = [report.get(timeout=3000) for _ in started]
        for process in started:
            process.join(60)
    return found


def keep_small(settings: Settings, rounds: int) -> None:
    """What `maintain` does to the lake, so many times."""
    with kept_open():
        for _ in range(rounds):
            maintenance.delete_superseded(settings)
            maintenance.expire_snapshots(settings)
            maintenance.compact(settings)


def load_at_once(settings: Settings, landed: Sequence[Sequence[Path]], upkeep: int = 0) -> None:
    """Load the days of each device in a process of its own, all at once, and keep the lake small meanwhile.

    Raises:
        RuntimeError: a load or the upkeep failed.
    """
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=load, args=(settings, folders)) for folders in landed]
    started += [context.Process(target=keep_small, args=(settings, upkeep))] if upkeep else []
    for process in started:
        process.start()
    for process in started:
        process.join()
    if any(process.exitcode for process in started):
        raise RuntimeError(f"loads ended with {[process.exitcode for process in started]}")


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path
