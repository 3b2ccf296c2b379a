"""Run inside a mount namespace of its own: installs onto a small disk that fills while it does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from herdbook.edge.install import Installer, provision
from herdbook.errors import DiskFullError

disk, url, root_file = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], check=True)
device = disk / "device"
provision(device, root_file.read_bytes())
installer = Installer(device, "barn-1", url, reserve_bytes=0)
first = installer.look()
ballast = disk / "footage"
said: list[str] = []


def attempt(installer: Installer) -> None:
    try:
        installer.fetch(first)
    except DiskFullError as error:
        said.append(error.message)


ballast.write_bytes(bytes(4_000_000))
attempt(installer)
ballast.unlink()


class Filling(Installer):
    """The disk fills between the proof and the first byte."""

    def _bring(self, target, place) -> None:  # type: ignore[no-untyped-def]
        ballast.write_bytes(bytes(4_000_000))
        super()._bring(target, place)


attempt(Filling(device, "barn-1", url, reserve_bytes=0))
held = sum(path.stat().st_size for path in (device / "trust" / "parts").iterdir())
there = [path.name for path in (device / "releases").glob("compact-*")]
ballast.unlink()
folder = installer.fetch(first)
print(json.dumps({"said": said, "held": held, "there": there, "files": sorted(p.name for p in folder.iterdir())}))
