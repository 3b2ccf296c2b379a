"""Ratios against plain tools, each measured side by side in one run. `make bench` prints them all."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # device days and agents come from the tests' kit
