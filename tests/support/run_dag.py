"""Run one DAG with ``dag.test()`` and print what became of it as JSON: ``python run_dag.py DAG LOGICAL_DATE CONF``."""

from __future__ import annotations

import json
import sys
from datetime import datetime


def main(dag_id: str, logical_date: str, conf: str) -> None:
    """Stdout's last line is the outcome; everything before it is Airflow's log."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.models.asset import AssetEvent
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    bundle = next(iter(DagBundlesManager().get_all_dag_bundles()))
    bundle.initialize()
    dag = BundleDagBag(bundle.path, bundle_path=bundle.path, bundle_name=bundle.name).get_dag(dag_id)
    run = dag.test(logical_date=datetime.fromisoformat(logical_date), run_conf=json.loads(conf))
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
    sys.stdout.flush()
    print("\n" + json.dumps({"state": run.state, "tasks": tasks, "events": said}))


if __name__ == "__main__":
    main(*sys.argv[1:])
