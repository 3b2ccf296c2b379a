"""The frozen suite ``hard-1`` as benchmarks use it: simulated, an engine judged on its splits, figures for a file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from rich.progress import Progress

from herdbook.cli.output import console
from herdbook.learning.evaluation.compare import Estimates, estimates
from herdbook.learning.evaluation.predictions import Engine
from herdbook.learning.evaluation.report import Report
from herdbook.learning.evaluation.run import evaluate
from herdbook.learning.evaluation.scenes import find_scenes
from herdbook.simulate.suite import LoadedSuite, Split
from herdbook.simulate.suite_run import simulate_suite, suite_frames

SUITE = "hard-1"
SPLITS = (Split.HELD_OUT, Split.SECOND_SPECIES, Split.SEVERITY)
"""What nothing learns from."""
FIGURES = ("mota", "idf1", "hota", "recall", "precision", "behaviour_top1", "behaviour_macro_f1", "behaviour_seen")
JOBS = 2


def simulate(loaded: LoadedSuite, out: Path, splits: tuple[Split, ...]) -> None:
    """With a bar; interrupted, it is continued."""
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"simulating {loaded.suite.suite_id}", total=suite_frames(loaded, splits))
        simulate_suite(loaded, out, splits, lambda frames: bar.advance(task, frames), jobs=JOBS)


def judge(engine: Engine, folder: Path, split: Split) -> Report:
    """An engine on a split of ``FOLDER/suite``."""
    scenes = find_scenes(folder / "suite" / split)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"{engine.release.release_id} on {split}", total=len(scenes))
        return evaluate(
            scenes,
            engine,
            folder / "reports" / engine.digest[:16] / split,
            data=f"{SUITE}/{split}",
            cache=folder / "predictions",
            pictures=0,
            progress=lambda done, _: bar.update(task, completed=done),
        )


def truth(folder: Path) -> dict[str, float]:
    """How hard the pictures are: shares of frames and animals."""
    frames, touching, animals, in_touch, hidden = 0, 0, 0, 0, 0
    for path in sorted(folder.glob("**/visibility.parquet")):
        table = pq.read_table(path, columns=["clip", "frame", "touches", "occluded"])
        most = table.group_by(["clip", "frame"]).aggregate([("touches", "max")])["touches_max"].to_numpy()
        frames, touching, animals = frames + len(most), touching + int((most > 0).sum()), animals + len(table)
        in_touch += int((table["touches"].to_numpy() > 0).sum())
        hidden += int((table["occluded"].to_numpy() > 0.2).sum())
    return {
        "frames": frames,
        "frames_with_touching_animals": round(touching / frames, 4),
        "animals_that_touch": round(in_touch / animals, 4),
        "animals_hidden_by_a_fifth": round(hidden / animals, 4),
    }


def summary(reports: dict[Split, Report]) -> dict[str, Any]:
    """Held-out farms, each of them, their light, the second species and every severity."""
    held_out = reports[Split.HELD_OUT]
    return {
        "engine": held_out.engine.release.release_id,
        "iou": held_out.protocol.iou,
        "held_out": figures(held_out.overall),
        "farms": {e.slice_is: figures(e) for e in held_out.slices if e.slice_by == "farm"},
        "light": {e.slice_is: figures(e) for e in held_out.slices if e.slice_by == "light"},
        "calves": figures(reports[Split.SECOND_SPECIES].overall),
        "severity": severities(reports[Split.SEVERITY]),
    }


def figures(found: Estimates) -> dict[str, Any]:
    """Values with the ends of their intervals."""
    said: dict[str, Any] = {"sequences": found.sequences, "interval_over": found.level}
    for name in FIGURES:
        e = found.figures[name]
        said[name] = [None if v is None else round(v, 4) for v in (e.value, e.low, e.high)]
    return said


def severities(report: Report) -> dict[str, dict[str, Any]]:
    """Figures by condition and grade; grade 0 is the same clear footage for each. Point values only."""
    places: dict[tuple[str, int], list[int]] = defaultdict(list)
    for k, sequence in enumerate(report.sequences):
        places[sequence.condition, sequence.severity].append(k)
    clear = places.pop(("clear", 0))
    grades = {condition: {0: clear} for condition, _ in sorted(places)}
    for (condition, severity), chosen in sorted(places.items()):
        grades[condition][severity] = chosen
    return {c: {str(s): _point(report, k) for s, k in by.items()} for c, by in grades.items()}


def _point(report: Report, chosen: Sequence[int]) -> dict[str, Any]:
    sequences, tallies = report.sequences, report.tallies
    found = estimates([sequences[k] for k in chosen], [tallies[k] for k in chosen])
    values = {name: found.figures[name].value for name in FIGURES}
    return {name: None if v is None or not np.isfinite(v) else round(v, 4) for name, v in values.items()}


def rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """For the terminal."""

    def row(name: str, figures: dict[str, Any]) -> dict[str, Any]:
        values = {k: figures[k][0] if isinstance(figures[k], list) else figures[k] for k in FIGURES}
        return {"name": name} | {k: None if v is None else round(v, 3) for k, v in values.items()}

    table = [row(f"farm {name}", figures) for name, figures in found["farms"].items()]
    table += [row("held-out, all", found["held_out"]), row("calves", found["calves"])]
    table += [row(f"{c} {s}", f) for c, by in found["severity"].items() for s, f in by.items()]
    return table
