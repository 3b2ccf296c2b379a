"""Run in a mount namespace of its own: ingest onto a small disk until it is full, then onto a larger one.

Arguments: folder to mount on, address of the device. Prints one JSON object.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from device_server import Device
from ingest_cases import SPEC, enrolled

from herdbook.contracts.landed_day import landed_days
from herdbook.errors import DiskFullError
from herdbook.ingest.pull import ingest_day
from herdbook.settings import Settings


def main(folder: Path, url: str) -> None:
    def mount(options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)

    mount("size=2m")
    settings = Settings(home=folder / "home")
    enrolled(settings, Device(folder, url=url))
    said = [attempt(settings)]  # the day is larger than the disk: refused before it is fetched
    mount("remount,size=64m")
    filler = folder / "filler"

    def fill(what: str, done: int, total: int) -> None:
        """Another program takes the space while the footage arrives."""
        if "footage" in what and done > 2_000_000 and not filler.exists():
            space = subprocess.run(["df", "--output=avail", "-B1", folder], capture_output=True, check=True)
            filler.write_bytes(bytes(int(space.stdout.split()[-1]) - 65536))

    said.append(attempt(settings, fill))
    landed = len(landed_days(settings.landing))
    filler.unlink()
    result = ingest_day(settings, SPEC.device_id, SPEC.day)
    sys.stdout.write(json.dumps({"said": said, "landed": landed, "state": result.state, "bytes": result.bytes}))


def attempt(settings: Settings, progress: object = None) -> list[object]:
    try:
        ingest_day(settings, SPEC.device_id, SPEC.day, progress)  # type: ignore[arg-type]
    except DiskFullError as error:
        return [error.exit_code, error.message, error.remedy]
    return [0]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
