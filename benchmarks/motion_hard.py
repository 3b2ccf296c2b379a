"""The ``motion`` engine on the frozen suite ``hard-1``: held-out farms, the second species, and every severity.

Asked for by name only: it simulates and looks at some 16,000 frames. ``MOTION_HARD`` names a folder in which suite and
predictions stay, so that an interrupted run goes on; otherwise they are made in a temporary one. Figures with their
intervals are written to ``benchmarks/results/motion-hard-1.json``; what each means is in docs/metrics.md.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.hard_suite import SPLITS, SUITE, judge, rows, simulate, summary, truth
from herdbook.cli.output import console
from herdbook.contracts.durable import write_durably
from herdbook.learning.evaluation.predictions import Engine
from herdbook.simulate.suite import load_suite

RESULTS = Path(__file__).parent / "results" / "motion-hard-1.json"


def run() -> list[dict[str, Any]]:
    """One row per held-out farm, all of them, the calves, and each severity of each condition."""
    loaded = load_suite(SUITE)
    kept = os.environ.get("MOTION_HARD")
    with tempfile.TemporaryDirectory(prefix="herdbook-hard-") as scratch:
        folder = Path(kept or scratch).absolute()
        simulate(loaded, folder / "suite", SPLITS)
        found = {
            "suite": loaded.suite.suite_id,
            "sha256": loaded.sha256,
            "truth": {split.value: truth(folder / "suite" / split) for split in SPLITS},
            **summary({split: judge(Engine(), folder, split) for split in SPLITS}),
        }
    write_durably(RESULTS, (json.dumps(found, indent=1) + "\n").encode())
    for split, shares in found["truth"].items():
        share = shares["frames_with_touching_animals"]
        console.print(f"{split}: animals touch in {share:.1%} of {shares['frames']} frames")
    return rows(found)
