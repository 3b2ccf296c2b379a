"""The real agent over device days without pixels, and its enrolment."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from herdbook.edge.init import TOKEN_NAME
from herdbook.edge.tokens import new_token_file
from herdbook.fleet import inventory
from herdbook.processes.background import Background
from herdbook.settings import Settings
from support.device_day import DaySpec, write_device_day

PLAIN = DaySpec()
CONFIG = """
device_id: {device}
farm_id: demo-farm
timezone: Europe/London
cameras:
  - {{camera_id: {device}-cam-1, pen_id: demo-farm-pen-1, width: 320, height: 240, fps: 4, source: nowhere}}
"""


def make_device(root: Path, device_id: str, days: list[date], spec: DaySpec = PLAIN) -> Path:
    """A device's folder with days to serve."""
    root.mkdir(parents=True)
    (root / "device.yaml").write_text(CONFIG.format(device=device_id))
    new_token_file(root / TOKEN_NAME)
    for day in days:
        write_device_day(root, replace(spec, device_id=device_id, day=day))
    return root


@contextmanager
def serving(settings: Settings, root: Path, *options: str) -> Iterator[str]:
    """The agent over a device's folder, enrolled; its address. ``options`` are more of the command's."""
    log = root / "agent.log"
    command = [sys.executable, "-m", "herdbook", "edge", "serve", "--root", root, "--port", "0", *options]
    with Background(f"agent of {root.name}", command, log, os.environ) as agent:
        url = agent.wait_for(r"serves on http://\S+").removeprefix("serves on ")
        inventory.enrol(
            settings,
            root.name,
            farm_id="demo-farm",
            url=url,
            timezone="Europe/London",
            token=(root / TOKEN_NAME).read_text(),
        )
        yield url
