"""Ratios against plain tools, each measured side by side in one run. `make bench` prints them all."""

from __future__ import annotations

import sys
from pathlib import Path

# Device days and agents come from the tests' kit; what a night's tasks run comes from the DAGs'.
sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("tests", "plugins")]
