"""A ledger, devices in a process of their own, and what drives a rollout over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from herdbook.fleet.rollout.control import begin
from herdbook.fleet.rollout.driver import Driver, Progress
from herdbook.ledger.columns import utc_now
from herdbook.settings import Settings
from support.fleet_devices import FolderSigner, simulated_fleet, write_devices
from support.rollouts import NEW, OLD, policy


@dataclass
class World:
    """A fleet, its signer, and a clock that a test turns."""

    settings: Settings
    folder: Path
    devices: dict[str, dict[str, str]]
    signer: FolderSigner
    ahead: timedelta = timedelta()
    timeout_s: float = 5.0

    def driver(self, trace: Callable[[str], None] = lambda deed: None) -> Driver:
        return Driver(self.settings, self.signer, clock=self.now, timeout_s=self.timeout_s, trace=trace)

    def now(self) -> datetime:
        return utc_now() + self.ahead

    def begin(self, changes: Mapping[str, Any] = {}, **more: Any) -> int:
        return begin(self.settings, NEW, policy(changes), by="anna", signer=self.signer, **more)

    def run(self, rollout: int, steps: int = 40) -> Progress:
        for _ in range(steps):
            progress = self.driver().step(rollout)
            if progress.settled:
                break
        return progress

    def faulty(self, **faults: str) -> None:
        for name, fault in faults.items():
            self.devices[name.replace("_", "-")]["fault"] = fault
        write_devices(self.folder, self.devices)


@contextmanager
def world(
    settings: Settings, folder: Path, count: int, kinds: str = "cpu", *, actual: str = OLD, **faults: str
) -> Iterator[World]:
    devices = {
        f"d-{n:02}": {"kind": kinds, "farm": f"farm-{n % 3}", "fault": faults.get(f"d_{n:02}", ""), "actual": actual}
        for n in range(count)
    }
    with simulated_fleet(settings, folder, devices):
        yield World(settings, folder, devices, FolderSigner(folder, {OLD, NEW}))
