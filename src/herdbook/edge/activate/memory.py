"""How much memory the machine has to spare."""

from __future__ import annotations

import re
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")


def available_mib(meminfo: Path = _MEMINFO) -> float:
    """What the kernel could give without swapping, MiB. On a Jetson this is the GPU's memory too."""
    found = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text(encoding="ascii"))
    assert found is not None, "Linux has told MemAvailable since 3.14"
    return int(found[1]) / 1024


def fits_beside(needed_mib: float, spare_mib: float) -> bool:
    """Whether a new engine can be loaded while the old one stays."""
    return available_mib() >= needed_mib + spare_mib
