"""A night of many devices: their folders and agents, a platform that knows them, and the night's tasks on workers."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from herdbook.edge.days import DayStore
from herdbook.edge.init import TOKEN_NAME
from herdbook.fleet import inventory
from herdbook.identity.enrolment import enrol
from herdbook.lake.migrate import migrate
from herdbook.ledger.days import set_day
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import DayState
from herdbook.ledger.session import ledger_session
from herdbook.night import load_herd
from herdbook.processes.background import Background, free_ports
from herdbook.roster.importer import import_roster
from herdbook.settings import Settings
from support.agents import make_device
from support.device_day import DaySpec, land, write_device_day
from support.many_agents import CONNECTIONS, Lines
from support.night_workers import PATHS, Task, Workers

FIRST = date(2026, 3, 2)
SPEC = DaySpec(animals=3, tracklets_per_animal=40, clips=2)
"""What a device sees in a day: 120 tracklets, 480 bouts, two tiny clips."""
LOADERS = 2
"""Tasks that share the loads."""
ANIMALS = [f"P{n}" for n in range(SPEC.animals)]


def names(count: int) -> list[str]:
    """``barn-001`` and so on."""
    return [f"barn-{n:03}" for n in range(1, count + 1)]


def make_devices(folder: Path, devices: Sequence[str], days: int, spec: DaySpec = SPEC) -> Path:
    """Folders of devices with days to serve, from `FIRST` on."""
    for n, device in enumerate(devices):
        offered = [FIRST + timedelta(k) for k in range(days)]
        make_device(folder / device, device, offered, replace(spec, seed=n))
    return folder


def copy_devices(template: Path, folder: Path) -> Path:
    """The same devices once more: agents only add and remove files, so they may be links."""
    return Path(shutil.copytree(template, folder, copy_function=os.link))


def make_platform(settings: Settings, devices: Path) -> Lines:
    """A platform that knows the devices, with animals enrolled on a day before; the lines that it asks them over."""
    migrate(settings)
    upgrade(settings)
    known = sorted(root.name for root in devices.iterdir() if root.is_dir())
    lines = Lines(dict(zip(known, free_ports(len(known)), strict=True)))
    _roster(settings, known)
    for device in known:
        inventory.enrol(
            settings,
            device,
            farm_id="demo-farm",
            url=lines.url(device),
            timezone="Europe/London",
            token=(devices / device / TOKEN_NAME).read_text(),
        )
    before = replace(SPEC, device_id=known[0], day=FIRST - timedelta(1), clips=0)
    landed = land(settings.landing, write_device_day(settings.home / "before", before))
    with ledger_session(settings) as session:
        key = (known[0], before.day, 1)
        set_day(session, key, sha256=landed.landing.manifest_sha256, final=True, state=DayState.LANDED)
    load_herd(settings, publish=False).raise_errors()
    for n, animal in enumerate(ANIMALS):
        enrol(settings, animal, [f"{known[0]}:{before.day}:cam:{n * SPEC.tracklets_per_animal:06d}"])
    load_herd(settings, publish=False).raise_errors()
    return lines


def _roster(settings: Settings, devices: Sequence[str]) -> None:
    folder = settings.home / "roster"
    folder.mkdir()
    tables = {
        "farms": ["farm_id,name,timezone", "demo-farm,Farm,Europe/London"],
        "pens": ["pen_id,farm_id,name", "demo-farm-pen-1,demo-farm,Pen"],
        "devices": ["device_id,farm_id", *(f"{device},demo-farm" for device in devices)],
        "animals": ["animal_id,farm_id,species", *(f"{animal},demo-farm,pig" for animal in ANIMALS)],
        "pen_stays": ["animal_id,pen_id,valid_from", *(f"{animal},demo-farm-pen-1,2026-01-01" for animal in ANIMALS)],
    }
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    import_roster(settings, folder)


@contextmanager
def serving(folder: Path, lines: Lines, processes: int = 2) -> Iterator[None]:
    """The agents of all devices in a few processes, behind their lines."""
    lines.write(folder)
    known = list(lines.ports)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATHS)), "OMP_NUM_THREADS": "1"}
    with ExitStack() as stack:
        started = []
        for k in range(processes):
            command = [sys.executable, "-m", "support.many_agents", folder, *known[k::processes]]
            started.append(stack.enter_context(Background(f"agents {k}", command, folder / f"agents-{k}.log", env)))
        for process in started:
            process.wait_for("serving", timeout_s=300)
        yield


def acknowledged(folder: Path) -> dict[str, list[date]]:
    """The days that each device knows to be safe."""
    found = {}
    for root in sorted(path for path in folder.iterdir() if path.is_dir()):
        store = DayStore(root)
        latest = [store.latest(day) for day in store.all_days()]
        found[root.name] = [s.manifest.day for s in latest if s is not None and store.acknowledgement(s) is not None]
    return found


def connections(folder: Path) -> Counter[str]:
    """How many connections to devices there were, and how many of them were cut."""
    log = folder / CONNECTIONS
    told = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return Counter(all=len(told), cut=sum(one["cut"] for one in told))


@dataclass
class NightRun:
    """What a night's tasks took, and how each ended."""

    ingest: list[Task]
    load: list[Task]
    publish: list[Task]
    wall_s: dict[str, float] = field(default_factory=dict)

    @property
    def tasks(self) -> list[Task]:
        """All of them."""
        return [*self.ingest, *self.load, *self.publish]

    @property
    def retries(self) -> Counter[int]:
        """How many tries failed with which exit code; -9: the worker was killed."""
        return Counter(int(t["code"]) for task in self.tasks for t in task.tries[: None if not task.done else -1])


Hear = Callable[[str, Task, dict[str, Any]], None]
"""Told the phase, the task, and a line that its command said or how a try ended."""


TRIED, LOADING, CLAIMING = "tries of the ingest ended", "days' loads begun", "days' claims begun"


def step(phase: str, said: dict[str, Any]) -> str | None:
    """What a night is one further in."""
    line = str(said.get("says", ""))
    if phase == "ingest":
        return None if "says" in said else TRIED
    return next(
        (what for begins, what in (("loading", LOADING), ("claiming", CLAIMING)) if line.startswith(begins)), None
    )


def progress(night: str, devices: int, say: Callable[[str], object]) -> Hear:
    """Say how far a night is, some ten times a step."""
    begun = time.monotonic()
    counts: defaultdict[str, count[int]] = defaultdict(lambda: count(1))

    def hear(phase: str, task: Task, said: dict[str, Any]) -> None:
        what = step(phase, said)
        if what is not None and (n := next(counts[what])) % max(1, devices // 10) == 0:
            say(f"{time.monotonic() - begun:5.0f} s, {night}: {n} {what}")

    return hear


def run_night(
    settings: Settings, devices: Sequence[str], until: date, workers: Workers, hear: Hear = lambda *_: None
) -> NightRun:
    """The tasks of `nightly_ingest` and `load_herd`, in their order."""
    from herdbook_airflow.command import SET_ASIDE

    asked = [Task(f"ingest {d}", ["ingest", d, "--until", until.isoformat()], SET_ASIDE) for d in devices]
    shares = [f"{k}/{LOADERS}" for k in range(1, LOADERS + 1)]
    loads = [Task(f"load {share}", ["load", "--no-publish", "--share", share]) for share in shares]
    night = NightRun(asked, loads, [Task("publish", ["publish"])])
    for phase in ("ingest", "load", "publish"):
        begun = time.monotonic()
        workers.run(getattr(night, phase), lambda task, said, phase=phase: hear(phase, task, said))  # type: ignore[misc]
        night.wall_s[phase] = time.monotonic() - begun
    return night


def environment(settings: Settings) -> dict[str, str]:
    """The variables that tell a command what the settings say."""
    given = settings.model_dump(mode="json", exclude_defaults=True)
    return {f"HERDBOOK_{name.upper()}": str(value) for name, value in given.items()}


def used_by_agents(folder: Path) -> float:
    """Processor seconds of the agents' processes that ended."""
    total = 0.0
    for file in folder.glob("used-*.json"):
        with suppress(ValueError):
            total += float(json.loads(file.read_text()))
    return total
