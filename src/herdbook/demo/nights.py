"""The demo's nights, run by the real DAGs under a real scheduler."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path

from herdbook.contracts import farmtime
from herdbook.demo.airflow import Airflow
from herdbook.demo.airflow_api import DagRun
from herdbook.demo.place import PLAN, Place
from herdbook.demo.steps import Detail

DAGS = ("nightly_ingest", "load_herd", "import_labels")


def night_after(airflow: Airflow, day: date, detail: Detail) -> str:
    """`nightly_ingest` up to a day, and the `load_herd` that it starts."""
    detail("nightly_ingest")
    ingest = airflow.wait(airflow.trigger("nightly_ingest", {"until": day.isoformat()}))
    return f"nightly_ingest → {_load(airflow, ingest, 'herd_days', detail)}"


def labels(airflow: Airflow, place: Place, detail: Detail) -> str:
    """Drop what the farm wrote down into the inbox; `import_labels`, and the `load_herd` that it starts."""
    inbox = place.settings.inbox / "labels" / "herd-notes"
    inbox.mkdir(parents=True, exist_ok=True)
    # Mappings first: a table without its mapping could be picked up meanwhile.
    files = [
        drop(path, inbox) for path in sorted((place.farm / "labels").iterdir(), key=lambda p: p.suffix, reverse=True)
    ]
    detail("import_labels")
    done = airflow.wait(airflow.trigger("import_labels"))
    tables = sum(path.suffix == ".csv" for path in files)
    return f"{tables} files: import_labels → {_load(airflow, done, 'farm_labels', detail)}"


def drop(path: Path, inbox: Path) -> Path:
    """Put a farm's file into the inbox as of the day it was written: a file that is new may still be being copied."""
    part = inbox / f".{path.name}.part"
    shutil.copyfile(path, part)
    written = farmtime.day_extent(PLAN.simulated_days()[-1], PLAN.timezone).end.timestamp()
    os.utime(part, (written, written))
    return part.rename(inbox / path.name)


def _load(airflow: Airflow, cause: DagRun, task_id: str, detail: Detail) -> str:
    detail("load_herd")
    return airflow.wait_for_next("load_herd", cause, task_id).dag_id
