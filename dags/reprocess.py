"""By hand: read archived footage again with another release, a task for each device day.

What the release sees is loaded beside what the devices said and never in its place: in the lake, ``reading`` names
each. A day that fails does not hold up the others; days that the release has read are left alone, so the next run goes
on where the last one stopped. ``herdbook reprocess --release … --plan`` says beforehand what would be read.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from herdbook_airflow.nights import START, default_args, few_retries
from herdbook_airflow.operators import HerdbookOperator, option, spreadable
from herdbook_airflow.queues import LEARNING

with DAG(
    dag_id="reprocess",
    description="Read archived footage again with another release",
    doc_md=__doc__,
    schedule=None,
    start_date=START,
    max_active_runs=1,
    default_args=default_args(LEARNING),
    params={
        "release": Param(type="string", minLength=1, description="Folder of the release, with its engine.yaml."),
        "device": Param(None, type=["null", "string"], description="Only this device."),
        "from": Param(None, type=["null", "string"], format="date", description="First day."),
        "to": Param(None, type=["null", "string"], format="date", description="Last day."),
    },
    tags=["learning"],
):
    plan = HerdbookOperator(
        task_id="plan",
        arguments=["reprocess", "--plan"],
        options=[option(name) for name in ("release", "device", "from", "to")],
        keep=("device_id", "day"),
        retries=few_retries(),
    )

    @task(retries=0)
    def device_days(planned: Any) -> list[dict[str, str]]:
        """What is to be read, oldest first."""
        return spreadable(planned["rows"])

    HerdbookOperator.partial(
        task_id="read",
        arguments=[
            "reprocess",
            "--device={{ task.subject.device_id }}",
            "--from={{ task.subject.day }}",
            "--to={{ task.subject.day }}",
        ],
        options=[option("release")],
        keep=("load_id", "clips", "tracklets"),
        map_index_template="{{ task.subject.device_id }} {{ task.subject.day }}",
        max_active_tis_per_dagrun=2,
    ).expand(subject=device_days(plan.output))
