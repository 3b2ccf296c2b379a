"""The demo's student: trained, compared and promoted by the real DAGs, on small farms that the herd has no part in."""

from __future__ import annotations

from pathlib import Path

from herdbook.demo.airflow import Airflow
from herdbook.demo.place import Place
from herdbook.demo.steps import Detail
from herdbook.errors import PromotionRefusedError
from herdbook.learning.evaluation.predictions import Engine
from herdbook.learning.evaluation.report import Report, read_report
from herdbook.learning.registry.contest import hold
from herdbook.learning.registry.gates import load_gates
from herdbook.learning.registry.models import CHALLENGER, CHAMPION, COMPACT, Version, find
from herdbook.learning.retrain.pipeline import stages_of

DAGS = ("retrain_student", "evaluate_promote")
LIMIT_S = 7200.0
"""A slow machine may take its time."""
SHORTER = (
    "dataset.frames=640",
    "teacher.sight.steps=60",
    "teacher.sight.validate_every=60",
    "teacher.schedule.steps=30",
    "teacher.schedule.validate_every=30",
    "distil.schedule.steps=400",
    "distil.schedule.validate_every=400",
    "embed.schedule.steps=60",
    "embed.schedule.validate_every=60",
    "behaviour.clips=24",
    "behaviour.schedule.steps=400",
    "behaviour.schedule.validate_every=400",
)
"""What is less than in the profile ``pocket``: it has to be minutes in all."""


def train(airflow: Airflow, place: Place, detail: Detail) -> str:
    """`retrain_student` on the suite's farms; `evaluate_promote`, which it starts, then compares and promotes."""
    farms = str(place.lessons)
    conf = {"profile": "pocket", "set": list(SHORTER), "farm": farms, "truth": farms}
    run = airflow.trigger("retrain_student", conf)
    trained = airflow.wait(run, LIMIT_S, lambda: detail(_stage(place)))
    detail("evaluate_promote")
    judged = airflow.wait_for_next("evaluate_promote", trained, "challenger", LIMIT_S)
    return f"{trained.dag_id} → {judged.dag_id}"


def _stage(place: Place) -> str:
    """Which stage the newest run is at."""
    runs = list((place.settings.registry / "runs").glob("*/dvc.yaml"))
    if not runs:
        return "retrain_student"
    stages = stages_of(max(runs, key=lambda path: path.stat().st_mtime).parent)
    left = [stage for stage in stages if not all((stage.workspace / out).exists() for out in stage.outs)]
    return f"{left[0].name}, stage {len(stages) - len(left) + 1} of {len(stages)}" if left else "registering"


def reports(place: Place) -> list[Report]:
    """What contests were decided by: every engine that was judged."""
    return [read_report(path) for path in _evaluations(place)]


def _evaluations(place: Place) -> list[Path]:
    return sorted((place.settings.registry / "evaluations").glob("*/evaluation.json"))


def outcome(place: Place) -> str:
    """Who is champion, and if nobody is, where to read why."""
    champion = find(place.settings, COMPACT, CHAMPION)
    if champion is not None:
        again = f"`herdbook learn reproduce {COMPACT}@{CHAMPION}` makes its run again"
        return f"{COMPACT} version {champion.number} is champion; {again}"
    challenger = find(place.settings, COMPACT, CHALLENGER)
    if challenger is None:
        return f"{COMPACT}: no model came out"
    return (
        f"{COMPACT}: version {challenger.number} stays challenger: {_refusal(place, challenger)}; "
        f"`herdbook learn contest {COMPACT} --scenes {place.scenes}` shows every gate"
    )


def _refusal(place: Place, challenger: Version) -> str:
    """Which gates the contest that was held found closed."""
    found = {read_report(path).engine.digest: path for path in _evaluations(place)}
    mine, baseline = found.get(challenger.digest), found.get(Engine().digest)
    if mine is None or baseline is None:
        return "it was not judged"
    held = hold(place.settings, COMPACT, challenger.number, load_gates(), report=mine, against=baseline)
    try:
        held.verdict.require_passed()
    except PromotionRefusedError as error:
        return error.message
    return "it passes its gates and waits to be promoted"
