"""A night with everything in it that can go wrong, the night after it, and the same two without any of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from herdbook.ingest.night import ingest_device
from herdbook.lake.attach import kept_open
from herdbook.lake.pins import pin
from herdbook.night import load_herd
from herdbook.settings import Settings
from support.bad_night import Mischief, disk_of
from support.lake_content import lake_content
from support.many_devices import (
    FIRST,
    NightRun,
    acknowledged,
    connections,
    copy_devices,
    environment,
    make_devices,
    make_platform,
    names,
    progress,
    run_night,
    serving,
    used_by_agents,
)
from support.night_workers import Task, Workers
from support.postgres import Cluster

CUT = 0.1
OFF = 2
PINS = ("before the bad night", "after the bad night")
"""Snapshots that a study might be about."""


@dataclass
class Nights:
    """What two nights came to."""

    devices: list[str]
    off: list[str]
    full: str
    full_mounted: bool
    """Whether its disk could really be filled: that needs root."""
    mischief: list[str]
    bad: NightRun
    after: NightRun
    lines: Counter[str]
    """Connections of the bad night: all, and those that were cut."""
    agents_s: float
    """Processor seconds of all agents."""
    content: dict[str, list[str]]
    """After the bad night, and after the one that followed."""
    content_after: dict[str, list[str]]
    owed: dict[str, int]
    """Devices that were not told in the end that their day is safe."""


def on_postgres(cluster: Cluster, home: Path) -> Settings:
    """A platform's settings with lake catalog and ledger on a server."""
    ledger = dict(part.split("=") for part in cluster.new_database().split())
    return Settings(
        home=home,
        catalog=f"postgres:{cluster.new_database()}",
        ledger_url=f"postgresql+psycopg2:///{ledger['dbname']}?host={ledger['host']}&user=postgres",
        database_wait_s=120,
        timeout_s=120,
        lake_wait_s=600,
    )


def two_nights(
    settings: Settings,
    cluster: Cluster | None,
    folder: Path,
    *,
    workers: int,
    delay_s: float,
    say: Callable[[str], object] = print,
) -> Nights:
    """The bad night of the devices in a folder, and the next one, when all is well again.

    Args:
        cluster: the server that crashes; none where there is none.
        folder: of the devices; one of them gets a full disk.
        say: is told how far they are.
    """
    lines = make_platform(settings, folder)
    pin(settings, PINS[0])
    devices = list(lines.ports)
    off, full = devices[-OFF:], devices[1]
    with Workers(workers, environment(settings), delay_s=delay_s) as pool:
        mischief = Mischief(pool, cluster, len(devices))
        told = progress("the bad night", len(devices), say)

        def hear(phase: str, task: Task, said: dict[str, Any]) -> None:
            mischief.hear(phase, task, said)
            told(phase, task, said)

        with disk_of(folder / full) as ballast, serving(folder, replace(lines, cut=CUT, off=off)):
            bad = run_night(settings, devices, FIRST, pool, hear)
            mischief.wait()
        pin(settings, PINS[1])
        seen, content = connections(folder), lake_content(settings)
        with serving(folder, lines):
            after = run_night(settings, devices, FIRST, pool, progress("the next night", len(devices), say))
    owed = {device: 1 - len(days) for device, days in acknowledged(folder).items() if days != [FIRST]}
    agents_s = used_by_agents(folder)
    return Nights(
        devices, off, full, ballast is not None, mischief.done, bad, after, seen, agents_s, content,
        lake_content(settings), owed,
    )  # fmt: skip


def calm_content(home: Path, folder: Path) -> dict[str, list[str]]:
    """What the same devices come to undisturbed: in one process, on the embedded catalog."""
    settings = Settings(home=home)
    with kept_open():
        lines = make_platform(settings, folder)
        with serving(folder, lines, processes=1):
            for device in lines.ports:
                ingest_device(settings, device, FIRST)
        load_herd(settings, publish=False).raise_errors()
        return lake_content(settings)


def twins(folder: Path, count: int) -> Sequence[Path]:
    """The same devices twice."""
    first = make_devices(folder / "devices", names(count), days=1)
    return first, copy_devices(first, folder / "twins")
