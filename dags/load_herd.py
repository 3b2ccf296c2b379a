"""After a night's ingest or new farm labels: load what has landed, claim identities, check, publish ``herd.duckdb``.
*pools* tells devices who is enrolled and stays in their pens by now, where that changed; *reviews* makes the page
*Herd*'s queues.

``HERDBOOK_LOAD_TASKS`` tasks share the days that wait; with a PostgreSQL catalog they load side by side.
A day that cannot be loaded does not hold up the others, and for minutes only what is published; the next night tries it
again. A failed check keeps the last published file as it was. Updates the asset *herd lake*.
"""

from __future__ import annotations

from airflow.sdk import DAG, TriggerRule

from herdbook_airflow.assets import FARM_LABELS, HERD_DAYS, HERD_LAKE
from herdbook_airflow.command import TOO_LARGE
from herdbook_airflow.nights import START, default_args, few_retries, load_shares
from herdbook_airflow.operators import HerdbookOperator

with DAG(
    dag_id="load_herd",
    description="Load landed device days, check the lake, publish herd.duckdb",
    doc_md=__doc__,
    schedule=(HERD_DAYS | FARM_LABELS),
    start_date=START,
    max_active_runs=1,
    default_args=default_args(),
    tags=["night"],
):
    load_days = HerdbookOperator.partial(
        task_id="load_days",
        arguments=["load", "--no-publish", "--share={{ task.subject.share }}"],
        keep=("device_id", "day", "revision", "load_id"),
        retries=few_retries(),
        map_index_template="{{ task.subject.share }}",
    ).expand(subject=load_shares())
    publish = HerdbookOperator(
        task_id="publish",
        arguments=["publish"],
        keep=("published",),
        trigger_rule=TriggerRule.ALL_DONE,
        outlets=[HERD_LAKE],
    )
    pools = HerdbookOperator(
        task_id="pools",
        arguments=["fleet", "pools"],
        keep=("device", "became"),
        tolerate=TOO_LARGE,
        trigger_rule=TriggerRule.ALL_DONE,
    )
    reviews = HerdbookOperator(
        task_id="reviews",
        arguments=["herd", "reviews"],
        keep=("identity", "learning"),
        trigger_rule=TriggerRule.ALL_DONE,
    )
    load_days >> [publish, pools, reviews]
