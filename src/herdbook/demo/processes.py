"""The real commands, in processes beside the demo."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from herdbook.demo.place import Place
from herdbook.errors import HerdbookError
from herdbook.processes.background import Background

HERDBOOK = (sys.executable, "-m", "herdbook")


def command(place: Place, name: str, *arguments: str | Path) -> Background:
    """``herdbook ARGUMENTS`` in the background; its log is named after ``name``."""
    return Background(name, [*HERDBOOK, *arguments], place.logs / f"{name}.log", {**os.environ, "NO_COLOR": "1"})


def run(place: Place, name: str, *arguments: str | Path) -> None:
    """``herdbook ARGUMENTS`` until it has ended.

    Raises:
        HerdbookError: it failed; of the class that its exit code means.
    """
    with command(place, name, *arguments) as process:
        process.wait()
        succeeded(process)


def succeeded(process: Background) -> None:
    """Raise unless a process that has ended did so well."""
    if process.wait(0) != 0:
        process.check()
        raise HerdbookError(f"{process.name} did not end")
