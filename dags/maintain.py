"""Every night, after the loads: back up, keep the lake small, check all of it, and remove what is past its time.

`compact` deletes superseded loads, lets old snapshots expire (pinned ones stay), merges small files and removes those
that nothing shows. `retention` removes footage after ``HERDBOOK_FOOTAGE_KEEP_DAYS`` and landed files that the lake
holds; records stay for ever. A backup that fails keeps `compact` from removing anything that night. `trust` signs anew
what devices believe only until it expires; `prune` removes old releases that no device is assigned.
`certificates` and `tokens` renew what the platform and devices know each other by.
"""

from __future__ import annotations

from airflow.sdk import DAG

from herdbook_airflow.nights import START, default_args, nightly
from herdbook_airflow.operators import HerdbookOperator

with DAG(
    dag_id="maintain",
    description="Backup, compaction, snapshot expiry, checks, retention",
    doc_md=__doc__,
    schedule=nightly(hours_later=3),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    tags=["upkeep"],
):
    backup = HerdbookOperator(task_id="backup", arguments=["backup"], keep=("backup",))
    compact = HerdbookOperator(
        task_id="compact",
        arguments=["lake", "compact"],
        keep=("superseded_loads", "expired_snapshots", "merged_files", "removed_files"),
    )
    check = HerdbookOperator(task_id="check", arguments=["lake", "check"])
    retention = HerdbookOperator(
        task_id="retention", arguments=["retention"], keep=("clips", "footage_bytes", "landed_days")
    )
    trust = HerdbookOperator(task_id="trust", arguments=["fleet", "trust", "refresh"])
    prune = HerdbookOperator(task_id="prune", arguments=["fleet", "trust", "prune"], keep=("releases",))
    certificates = HerdbookOperator(task_id="certificates", arguments=["fleet", "ca", "renew"])
    tokens = HerdbookOperator(task_id="tokens", arguments=["fleet", "rotate", "--older-than", "180"])
    # What runs where, and devices that were away while the last rollout went by.
    look = HerdbookOperator(task_id="look", arguments=["fleet", "status", "--ask"])
    catch_up = HerdbookOperator(task_id="catch_up", arguments=["fleet", "step"], keep=("rollout", "phase", "devices"))
    backup >> compact >> check
    trust >> prune
    certificates >> tokens
    look >> catch_up
