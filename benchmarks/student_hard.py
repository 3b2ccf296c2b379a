"""The compact student on the frozen suite ``hard-1``: trained by profile ``pocket``, judged on what it never saw.

Asked for by name only: it simulates ``hard-1`` and ``wide-1``, runs the whole pipeline (well over an hour on two
cores, half an hour of it the teacher's) and judges student, teacher and ``motion`` on the same sequences.
``STUDENT_HARD`` names a folder in which all of it stays, so that an interrupted run goes on; otherwise it is made in a
temporary one. ``benchmarks/results/student-hard-1.json`` has the figures with their intervals, the paired differences
to ``motion`` and to the teacher, and what each stage took.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.hard_suite import SPLITS, SUITE, figures, judge, rows, simulate, summary
from herdbook.cli.progress import steps_bar
from herdbook.contracts.durable import write_durably
from herdbook.learning.datasets.sources import gather
from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.evaluation.predictions import Engine
from herdbook.learning.evaluation.report import compare
from herdbook.learning.params import load_params
from herdbook.learning.retrain.pipeline import stages_of
from herdbook.learning.retrain.run import retrain
from herdbook.learning.training.align_stages import run_substitute
from herdbook.learning.training.stage import Stage, digest_of
from herdbook.learning.workspace import Workspace, open_workspace
from herdbook.settings import Settings
from herdbook.simulate.suite import Split, load_suite

RESULTS = Path(__file__).parent / "results" / "student-hard-1.json"
RUN = "student-hard"
LESSONS = {"hard-1": (Split.TRAIN, Split.VALIDATION), "wide-1": (Split.TRAIN,)}


def run() -> list[dict[str, Any]]:
    """Rows as `motion_hard` has them, of the student."""
    kept = os.environ.get("STUDENT_HARD")
    with tempfile.TemporaryDirectory(prefix="herdbook-student-") as scratch:
        folder = Path(kept or scratch).absolute()
        simulate(load_suite(SUITE), folder / "suite", SPLITS)
        for name, splits in LESSONS.items():
            simulate(load_suite(name), folder / "lessons" / name, splits)
        workspace = _train(folder)
        student = read_engine(workspace.folder / "data" / "engine" / "engine.yaml")
        reports = {split: judge(student, folder, split) for split in SPLITS}
        motion, teacher = (judge(e, folder, Split.HELD_OUT) for e in (Engine(), _teacher(workspace, folder)))
        found = {
            "suite": SUITE,
            **summary(reports),
            "less_motion": figures(compare(reports[Split.HELD_OUT], motion).overall),
            "teacher": figures(teacher.overall),
            "less_teacher": figures(compare(reports[Split.HELD_OUT], teacher).overall),
            "stages": {stage.name: stage.figures() for stage in stages_of(workspace.folder)},
        }
    write_durably(RESULTS, (json.dumps(found, indent=1) + "\n").encode())
    return rows(found)


def _train(folder: Path) -> Workspace:
    """By the commands' own code, in a home of its own."""
    settings = Settings(home=folder / "home")
    lessons = folder / "lessons"
    retrain(settings, RUN, profile="pocket", sources=lambda: gather(settings, farm=lessons, simulator_truth=lessons))
    return open_workspace(settings, RUN)


def _teacher(workspace: Workspace, folder: Path) -> Engine:
    """The run's teacher as an engine of its own: asked everywhere, followed and judged like any other."""
    out, data = folder / "teacher" / digest_of(workspace.folder / "data" / "teacher")[:16], workspace.folder / "data"
    if not out.exists():
        profile = load_params(workspace.folder / "params.yaml").chosen
        with steps_bar() as progress:
            stage = Stage("substitute", out, progress)
            run_substitute(stage, profile, data / "dataset", student=None, teacher_folder=data / "teacher")
    return read_engine(out / "engine.yaml")
