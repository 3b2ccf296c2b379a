"""Import every DAG as Airflow does and print what they are as JSON: ``describe_dags.py FOLDER MODULE,MODULE…``."""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def describe_task(task: Any) -> dict[str, Any]:
    """What a test asks of a task, mapped or not."""
    return {
        "type": task.task_type,
        "queue": task.queue,
        "retries": task.retries,
        "backoff": task.retry_exponential_backoff,
        "alerts": bool(task.has_on_failure_callback),
        "rule": task.trigger_rule.value,
        "name": getattr(task, "map_index_template", None)
        or getattr(task, "partial_kwargs", {}).get("map_index_template"),
        "outlets": [outlet.name for outlet in task.outlets],
        "after": sorted(task.upstream_task_ids),
    }


def main(folder: str, modules: str) -> None:
    """``took``: seconds for all DAG files, Airflow itself being imported already; ``heavy``: modules then loaded."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG  # noqa: F401

    started = time.monotonic()
    bag = DagBag(folder)
    took = time.monotonic() - started
    dags = {
        dag.dag_id: {
            "catchup": dag.catchup,
            "begins": dag.start_date.isoformat() if dag.start_date else None,
            "max_active_runs": dag.max_active_runs,
            "doc": dag.doc_md,
            "waits_for": sorted(asset.name for asset in getattr(dag.timetable.asset_condition, "objects", [])),
            "tasks": {task.task_id: describe_task(task) for task in dag.tasks},
        }
        for dag in bag.dags.values()
    }
    heavy = [name for name in modules.split(",") if name in sys.modules]
    print("\n" + json.dumps({"took": took, "errors": bag.import_errors, "heavy": heavy, "dags": dags}))


if __name__ == "__main__":
    main(*sys.argv[1:])
