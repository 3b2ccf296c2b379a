"""The demo from end to end: nights, a student, a rollout, an answer. Each step is done once; a later run goes on."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from herdbook.demo import devices, fleet, learning, nights
from herdbook.demo.airflow import Airflow, checkout
from herdbook.demo.answer import ask
from herdbook.demo.enrolment import enrol_animals
from herdbook.demo.mlflow import serve_mlflow
from herdbook.demo.place import PLAN, OwnCamera, Place
from herdbook.demo.roster import import_farm, import_own_camera
from herdbook.demo.steps import Steps
from herdbook.errors import MissingDependencyError
from herdbook.lake.migrate import migrate
from herdbook.learning.evaluation.report import Report
from herdbook.ledger.migrate import upgrade

DEVICES = tuple(f"{PLAN.barn}-{n}" for n in range(1, PLAN.pens // PLAN.pens_per_device + 1))
SETTINGS = {
    "HERDBOOK_RETRY_DELAY_S": "5",  # the devices are on this machine: what fails need not wait for minutes
    "HERDBOOK_FOOTAGE_KEEP_DAYS": "36500",  # the simulated days lie in the past
}


@dataclass(frozen=True)
class Result:
    """What the demo came to. ``airflow`` runs on until the stack is closed."""

    published: Path
    answer: list[dict[str, Any]]
    airflow: Airflow | None
    agents: dict[str, str]
    """Addresses by device."""
    boxes: Path | None
    """Folder with what was seen in the user's video."""
    student: str = ""
    """What became of the student."""
    judged: Sequence[Report] = ()
    """Engines side by side."""
    mlflow: str | None = None
    """Address of MLflow's pages, where they are served until the stack is closed."""


def prepare(video: Path | None) -> OwnCamera | None:
    """What can be wrong, said before anything is made or started; the user's video as a camera.

    Raises:
        VideoSourceError: ``video`` is not a video.
        MissingDependencyError: an extra is not installed.
        NotFoundError: there are no DAGs here.
    """
    _require_extras()
    checkout()
    if video is None:
        return None
    from herdbook.edge.video import probe

    probe(video)
    return OwnCamera(video)


def run_demo(place: Place, steps: Steps, stack: ExitStack, own: OwnCamera | None, *, stay: bool = False) -> Result:
    """Do what is not done yet, and ask the question.

    Args:
        place: guarded already.
        steps: does them and remembers.
        stack: ends what is started here when it is closed.
        own: one more device.
        stay: start Airflow and the agents even if nothing is left to do.
    """
    settings = place.settings
    place.root.mkdir(exist_ok=True)
    migrate(settings)
    upgrade(settings)
    airflow = None
    if stay or not steps.finished("labels", *([f"night {own.device_id}"] if own else [])):
        told = SETTINGS | fleet.settings_of(place) | {"HERDBOOK_EVALUATION_SCENES": str(place.scenes.absolute())}
        airflow = Airflow(settings, place.airflow, told)  # it gets ready while the farm is filmed
        stack.callback(airflow.stop)
    steps.do("Simulate a farm", partial(devices.film, place), once="film")
    if airflow is not None:
        steps.do("Start Airflow", lambda _: airflow.wait_until_ready(nights.DAGS + learning.DAGS + fleet.DAGS))
    *first, last = PLAN.simulated_days()
    steps.do("Record it on two devices", partial(devices.record, place, DEVICES, first), once="record")
    if own:
        steps.do("Record your video", lambda _: devices.record_own(place, own), once=f"record {own.device_id}")
    agents: dict[str, str] = {}
    if airflow is not None:
        agents = _nights(place, steps, stack, airflow, own)
        steps.do("Simulate other farms for a student", partial(devices.film_suite, place), once="suite")
        steps.do("Train it, compare it, promote it", partial(learning.train, airflow, place), once="student")
        _next_day(place, steps, airflow, last)
    boxes = place.footage(own.device_id) if own else None
    mlflow = serve_mlflow(place, stack) if stay else None
    return Result(
        settings.published,
        ask(settings.published),
        airflow,
        agents,
        boxes,
        student=learning.outcome(place),
        judged=learning.reports(place),
        mlflow=mlflow,
    )


def _next_day(place: Place, steps: Steps, airflow: Airflow, day: date) -> None:
    """The champion goes to the devices, which record the next day with it."""
    if fleet.has_champion(place):
        steps.do("Send it to the devices, canary first", partial(fleet.roll_out, airflow, place), once="rollout")
    steps.do("Record the next day", partial(devices.record, place, DEVICES, [day]), once="record next")
    steps.do(f"Night after {day}", partial(nights.night_after, airflow, day), once=f"night {day}")
    if fleet.has_champion(place):
        again = partial(enrol_animals, place, DEVICES, day)
        steps.do("Enrol the animals in its embedding space", lambda _: again(), once="enrol again")
    steps.do("Import the farm's labels", partial(nights.labels, airflow, place), once="labels")


def _nights(place: Place, steps: Steps, stack: ExitStack, airflow: Airflow, own: OwnCamera | None) -> dict[str, str]:
    steps.do("Import the roster", lambda _: import_farm(place), once="roster")
    if own:
        steps.do("Add your camera to it", lambda _: import_own_camera(place, own), once=f"roster {own.device_id}")
    first, *others, _ = PLAN.simulated_days()
    agents: dict[str, str] = {}

    steps.do("Make the keys that sign releases", lambda _: fleet.set_up_signing(place), once="trust")

    def serve(_: object) -> str:
        if not steps.finished(f"night {first}"):
            airflow.wait_for_first_runs("nightly_ingest")  # the real last night would fetch all simulated ones at once
        releases = fleet.serve_releases(place, stack)
        agents.update(devices.serve(place, (*DEVICES, *([own.device_id] if own else ())), releases, stack))
        return ", ".join(agents)

    steps.do("Start the devices' agents and enrol them", serve)
    too_late = own is not None and steps.finished(f"night {first}")  # else the first night fetches its day too
    steps.do(f"Night after {first}", partial(nights.night_after, airflow, first), once=f"night {first}")
    steps.do("Enrol the animals", lambda _: enrol_animals(place, DEVICES), once="enrol")
    for day in others:
        steps.do(f"Night after {day}", partial(nights.night_after, airflow, day), once=f"night {day}")
    if own and too_late:
        fetch = partial(nights.night_after, airflow, first)
        steps.do("Fetch your video's day", fetch, once=f"night {own.device_id}")
    elif own:
        steps.remember(f"night {own.device_id}")
    return agents


def _require_extras() -> None:
    modules = ("airflow", "cv2", "dvc", "fastapi", "mlflow", "onnxruntime", "timm", "torch", "trackers", "uvicorn")
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"the demo needs the extras 'airflow', 'edge' and 'learning' ({', '.join(missing)} missing)",
            "Install them: pip install 'herdbook[airflow,edge,learning]', or run make demo.",
        )
