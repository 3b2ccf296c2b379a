"""What each test of the fault table begins with: a platform with signed releases, its server, and devices that took the
first release up. It is made once and copied.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from herdbook.edge.init import TOKEN_NAME
from herdbook.edge.install import provision
from herdbook.edge.tokens import new_token_file
from herdbook.fleet.inventory import enrol, retire
from herdbook.fleet.repository import newest_root
from herdbook.fleet.trust import ceremony, publish_release
from herdbook.fleet.trust.keys import OfflineKeys
from herdbook.ledger.migrate import upgrade
from herdbook.processes.background import Background, free_ports
from herdbook.settings import Settings
from support import pen_video
from support.fault_world import NAMES, NEW, OLD, PATIENCE_S, TOGETHER, Device, World, wait_for
from support.made_release import CPU, make_release
from support.plain_release import write_plain_release
from support.rollouts import policy
from support.trust import PASSPHRASE

ORIN = {
    "sku": "orin-nx-16",
    "precision": "fp16",
    "workspace_mib": 2048,
    "tensorrt_from": "10.3",
    "tensorrt_below": "11",
    "budget": {"latency_ms": 10, "memory_mib": 900},
}
IMPOSSIBLE = CPU | {"budget": {"latency_ms": 1e-6, "memory_mib": 2000}}
RELEASES: dict[str, dict[str, Any]] = {
    OLD: {},
    NEW: {"shade": 1.0},
    "no-parity": {"shade": 2.0, "spoil": 1.0},
    "too-slow": {"shade": 3.0, "recipe": IMPOSSIBLE},
    "all-lying": {"shade": 4.0, "lies": True},
}
DEVICE_YAML: dict[str, Any] = {
    "farm_id": "farm-a",
    "timezone": "Europe/London",
    "sku": "cpu",
    "spare_memory_mib": 0,
    "cameras": [{"camera_id": "cam-1", "pen_id": "pen-1", "width": 160, "height": 120, "fps": 5, "source": "footage"}],
}


@dataclass(frozen=True)
class Template:
    """Homes of platform and devices, to be copied, and the server."""

    folder: Path
    served: Path
    ports: tuple[int, ...]
    clip: Path

    @contextmanager
    def devices(self, folder: Path, count: int = len(NAMES)) -> Iterator[dict[str, Device]]:
        """The first devices of a home, none of them started; at the end their processes go."""
        named = zip(NAMES[:count], self.ports, strict=False)
        found = {name: Device(name, folder / name, port, self.clip) for name, port in named}
        try:
            yield found
        finally:
            for device in found.values():
                device.kill()

    @contextmanager
    def world(self, folder: Path, count: int, prepare: Callable[[World], object] | None = None) -> Iterator[World]:
        """A copy of all with so many devices, all up. ``prepare`` is called before any of them starts."""
        shutil.copytree(self.folder, folder, symlinks=True)
        with self.devices(folder, count) as devices:
            world = World(Settings(home=folder / "home"), self.served, devices)
            world.serve(world.repository)
            for name in NAMES[count:]:
                retire(world.settings, name)
            if prepare is not None:
                prepare(world)
            world.start()
            yield world


@contextmanager
def made_template(folder: Path, beside: Path) -> Iterator[Template]:
    """Made in ``folder``, with all that is not to be copied ``beside`` it; the server runs for the block. The devices
    take the first release up in a rollout by the command line.
    """
    settings = Settings(home=folder / "home")
    upgrade(settings)
    (beside / "stick").mkdir()
    ceremony.init(settings, OfflineKeys((beside / "stick",), PASSPHRASE))
    for release_id, how in RELEASES.items():
        publish(settings, beside, release_id, **how)
    clip = pen_video.write(beside / "cam-1.mp4", pen_video.film(pen_video.walker, 2))
    served = beside / "server" / "releases" / "repository"
    served.parent.mkdir(parents=True)
    served.symlink_to(settings.releases / "repository")
    with _repository_server(beside / "server") as url:
        found = Template(folder, served, tuple(free_ports(len(NAMES))), clip)
        for name, port in zip(NAMES, found.ports, strict=True):
            _make_device(folder / name, settings, url, port)
        rules = beside / "policy.yaml"
        rules.write_text(yaml.safe_dump(policy(TOGETHER).model_dump(mode="json")))
        with found.devices(folder) as devices:
            for device in devices.values():
                device.start()
            wait_for(devices.values())
            told = [OLD, "--policy", rules, "--watch", "--every", "1"]
            _herdbook(settings, "fleet", "rollout", *told)
        yield found


def publish(settings: Settings, folder: Path, release_id: str, **how: Any) -> None:
    """Sign a release of two networks of a few lines of arithmetic."""
    drawn = {name: how.pop(name) for name in ("shade", "lies") if name in how}
    source = write_plain_release(folder / f"source-{release_id}", **drawn)
    publish_release(settings, make_release(folder, source, release_id, also=(ORIN,), **how))


def _make_device(root: Path, settings: Settings, url: str, port: int) -> None:
    """The folder of a device that trusts the platform, and its enrolment."""
    (root / "footage").mkdir(parents=True)
    document = DEVICE_YAML | {"device_id": root.name, "updates": {"url": url, "reserve_mib": 0}}
    (root / "device.yaml").write_text(yaml.safe_dump(document))
    new_token_file(root / TOKEN_NAME)
    provision(root, newest_root(settings).read_bytes())
    token = (root / TOKEN_NAME).read_text()
    address = f"http://127.0.0.1:{port}"
    enrol(settings, root.name, farm_id="farm-a", url=address, timezone="Europe/London", token=token)


def _herdbook(settings: Settings, *arguments: object) -> None:
    command = [sys.executable, "-m", "herdbook", *map(str, arguments)]
    subprocess.run(command, env=os.environ | {"HERDBOOK_HOME": str(settings.home)}, check=True)


@contextmanager
def _repository_server(home: Path) -> Iterator[str]:
    """`herdbook fleet serve` of a home; its address."""
    command = [sys.executable, "-m", "herdbook", "fleet", "serve", "--port", "0"]
    with Background("repository", command, home / "serve.log", os.environ | {"HERDBOOK_HOME": str(home)}) as server:
        yield server.wait_for(r"http://\S+", timeout_s=PATIENCE_S)
