"""An interpreter for ``HERDBOOK_PYTHON`` whose ``-m herdbook`` signs where simulated devices read."""

from __future__ import annotations

import sys
from pathlib import Path


def write_interpreter(place: Path, devices: Path) -> Path:
    """The interpreter's file. ``devices``: folder of the simulated devices."""
    command = Path(__file__).with_name("fleet_command.py")
    place.write_text(f'#!/bin/sh\nexport FLEET_FOLDER="{devices}"\nshift 2\nexec "{sys.executable}" "{command}" "$@"\n')
    place.chmod(0o755)
    return place
