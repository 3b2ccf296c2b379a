"""Runs DAGs with ``dag.test()``, one request after the other: importing Airflow costs more than most DAGs.

A request is a line of JSON on stdin: ``dag_id``, ``logical_date``, ``conf`` and ``env``, which holds for this run only.
The answer is a line of JSON on stdout; Airflow's log goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from typing import Any


def main() -> None:
    """Answer requests until stdin closes."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(answer(**json.loads(line))) + "\n")
        answers.flush()


def answer(dag_id: str, logical_date: str, conf: dict[str, Any], env: dict[str, str]) -> dict[str, Any]:
    """Run a DAG; its state, its tasks with their values, and the assets it updated with what it said of them."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag

    from herdbook.settings import get_settings

    before = dict(os.environ)
    os.environ.update(env)
    get_settings.cache_clear()
    try:
        bundle = next(iter(DagBundlesManager().get_all_dag_bundles()))
        bundle.initialize()
        bag = BundleDagBag(bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
        return outcome(bag.get_dag(dag_id).test(logical_date=datetime.fromisoformat(logical_date), run_conf=conf))
    finally:
        os.environ.clear()
        os.environ.update(before)


def outcome(run: Any) -> dict[str, Any]:
    """What became of a run, from Airflow's database."""
    from airflow.models.asset import AssetEvent
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        values = {
            (x.task_id, x.map_index): XComModel.deserialize_value(x)
            for x in session.scalars(select(XComModel).where(XComModel.run_id == run.run_id))
            if x.key == "return_value"
        }
        events = session.scalars(select(AssetEvent).where(AssetEvent.source_run_id == run.run_id)).all()
        said = {event.asset.name: event.extra for event in events}
    tasks = [
        {
            "task_id": ti.task_id,
            "map_index": ti.map_index,
            "name": ti.rendered_map_index,
            "state": ti.state,
            "tries": ti.try_number,
            "value": values.get((ti.task_id, ti.map_index)),
        }
        for ti in run.get_task_instances()
    ]
    return {"state": run.state, "tasks": tasks, "events": said}


if __name__ == "__main__":
    main()
