"""A fleet in miniature with nothing simulated but its size: a platform with ledger and signed repository, the server of
that repository, and devices, each a process of its own (`support.fault_device`). Faults are done to it from outside.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from herdbook.contracts.activation import DeviceReport
from herdbook.edge.activate.using import wait_until
from herdbook.edge.report import nudge, read_report
from herdbook.fleet.repository import repository_folder
from herdbook.fleet.rollout import overview
from herdbook.fleet.rollout.control import begin
from herdbook.fleet.rollout.driver import Driver, Progress
from herdbook.ledger.columns import utc_now
from herdbook.settings import Settings
from support.fault_device import Life, live
from support.kill import Worker, forked
from support.rollouts import policy

OLD, NEW = "compact-1", "compact-2"
NAMES = ("barn-1", "barn-2", "barn-3", "barn-4")
PATIENCE_S = 600.0
"""Longest wait for anything, on a machine that has much else to do."""
ONE_BY_ONE: dict[str, Any] = {"waves": {"sizes": [1], "most_of_farm": 1.0}}
TOGETHER: dict[str, Any] = {"waves": {"sizes": [9], "most_of_farm": 1.0}}
"""All that are no canaries."""


@dataclass
class Device:
    """A device's folder and the process that works in it now."""

    device_id: str
    root: Path
    port: int
    clip: Path
    machine: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    stop_at: str | None = None
    """The step at which its next life is to wait."""
    reads: list[tuple[str, int]] = field(default_factory=list)
    """Release and animals, each time that the recorder of this life read the clip with another engine."""
    at: str | None = None
    """The step at which it waits."""
    worker: Worker | None = None
    _life: ExitStack = field(default_factory=ExitStack)
    _serves: bool = False

    def configure(self, **told: Any) -> None:
        """Change ``device.yaml``; nothing for a key removes it. It counts from the next life on."""
        path = self.root / "device.yaml"
        document = yaml.safe_load(path.read_text()) | told
        path.write_text(yaml.safe_dump({key: value for key, value in document.items() if value is not None}))

    def start(self) -> None:
        """Begin a life."""
        self.reads, self.at, self._serves = [], None, False
        life = Life(self.root, self.port, self.clip, self.stop_at, self.machine, self.variables)
        self.stop_at = None
        self.worker = self._life.enter_context(forked(live, life))

    def kill(self) -> None:
        """End the life by SIGKILL."""
        self._life.close()
        self.worker = None

    def suspend(self, how: signal.Signals = signal.SIGSTOP) -> None:
        """Stop the process where it is, or have it go on."""
        assert self.worker is not None
        assert self.worker.process.pid is not None
        os.kill(self.worker.process.pid, how)

    def go_on(self) -> None:
        """Leave for the process that waits at a step."""
        assert self.worker is not None
        self.at = None
        self.worker.pipe.send("go on")

    def listen(self) -> None:
        """Take in what the process said."""
        assert self.worker is not None
        for what, *said in self.worker.said():
            if what == "at":
                self.at = said[0]
            elif what == "reads":
                self.reads.append((said[0], said[1]))
            else:
                self._serves = True
        assert self.worker.process.is_alive(), f"{self.device_id} ended by itself"

    @property
    def is_up(self) -> bool:
        """Whether it answers, and has read the clip in this life."""
        return self._serves and bool(self.reads)

    @property
    def report(self) -> DeviceReport:
        """What it says of itself."""
        found = read_report(self.root)
        assert found is not None
        return found


@dataclass
class World:
    """Platform, server, devices, and the platform's clock, which a test turns."""

    settings: Settings
    served: Path
    """What the server's home has for a repository: a link."""
    devices: dict[str, Device]
    ahead: timedelta = timedelta()
    timeout_s: float = 10.0
    after: dict[str, Callable[[], object]] = field(default_factory=dict)
    """What happens once, right after a deed of the driver."""
    rollout: int = 0

    @property
    def repository(self) -> Path:
        """The platform's own, which no fault touches."""
        return repository_folder(self.settings)

    def serve(self, repository: Path) -> None:
        """From now on the server's disk holds this."""
        fresh = self.served.with_name("fresh")
        fresh.symlink_to(repository)
        fresh.replace(self.served)

    def mend_server(self) -> None:
        """The server's disk holds what the platform signed again, and devices are asked to look."""
        self.serve(self.repository)
        self.nudge()

    def nudge(self) -> None:
        """Ask devices to look now."""
        for device in self.devices.values():
            nudge(device.root)

    def attack(self, tamper: Callable[[Path], object]) -> None:
        """Tamper with a copy of the repository, in which the first assignments of the rollout are signed, before any
        device sees them."""
        home = self.settings.home

        def shown() -> None:
            copy = Path(shutil.copytree(self.repository, home / "attacked"))
            tamper(copy)
            self.serve(copy)

        self.after["decided"] = lambda: self.serve(Path(shutil.copytree(self.repository, home / "frozen")))
        self.after["recorded"] = shown

    def now(self) -> datetime:
        return utc_now() + self.ahead

    def begin(self, release_id: str = NEW, rules: Mapping[str, Any] = ONE_BY_ONE) -> None:
        """Plan a rollout over the devices that are up."""
        self.rollout = begin(self.settings, release_id, policy(rules), by="anna")

    def step(self) -> Progress:
        """One step of the real driver."""

        def done(deed: str) -> None:
            self.after.pop(deed, lambda: None)()

        driver = Driver(self.settings, clock=self.now, timeout_s=self.timeout_s, trace=done)
        progress = driver.step(self.rollout)
        for device in self.devices.values():
            if device.worker is not None:
                device.listen()
        return progress

    def until(self, holds: Callable[[Progress], object]) -> Progress:
        """Step after step until something holds of the rollout."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds(progress := self.step()):
            assert time.monotonic() < deadline, (progress, {d.device_id: d.report for d in self.devices.values()})
            time.sleep(0.4)
        return progress

    def to_its_end(self) -> dict[str, Any]:
        """Step until nothing is left to be done; the rollout as the ledger has it."""
        self.until(lambda progress: progress.settled)
        return self.found()

    def found(self) -> dict[str, Any]:
        """The rollout as the ledger has it."""
        return overview.rollout(self.settings, self.rollout)

    def start(self) -> None:
        """Every device's process that runs ends, another begins, and all come up."""
        for device in self.devices.values():
            device.kill()
            device.start()
        wait_for(self.devices.values())

    @property
    def canary(self) -> Device:
        """The first by name."""
        return self.devices[NAMES[0]]


def wait_for(devices: Iterable[Device]) -> None:
    """Wait until devices answer and have read a clip in this life."""
    for device in devices:

        def is_up(device: Device = device) -> bool:
            device.listen()
            return device.is_up

        assert wait_until(is_up, PATIENCE_S), f"{device.device_id} does not come up"
