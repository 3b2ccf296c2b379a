"""After the herd is loaded: the teacher reads again what the devices were unsure of, and disagreement is queued.

Nothing happens unless ``HERDBOOK_TEACHER`` names the teacher's weights. Of each device day within
``HERDBOOK_LOOKBACK_DAYS`` it reads the frames in most doubt, once for each champion; the share of frames in doubt is a
figure in the ledger. Frames on which teacher and student, or track and embedding, disagree wait for a person:
``herdbook learn review list``.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowSkipException

from herdbook_airflow.assets import HERD_LAKE
from herdbook_airflow.nights import START, default_args
from herdbook_airflow.operators import HerdbookOperator
from herdbook_airflow.queues import LEARNING

with DAG(
    dag_id="reread",
    description="The teacher reads again what the devices were unsure of",
    doc_md=__doc__,
    schedule=HERD_LAKE,
    start_date=START,
    max_active_runs=1,
    default_args=default_args(LEARNING),
    tags=["learning"],
):

    @task(retries=0)
    def asked(dag_run: Any = None) -> list[dict[str, str]]:
        """Every device in service, with the teacher and the first day to look at."""
        from datetime import timedelta

        from herdbook.ledger.devices import active_devices
        from herdbook.settings import get_settings

        settings = get_settings()
        if settings.teacher is None:
            raise AirflowSkipException("No teacher: HERDBOOK_TEACHER names the folder of its weights.")
        since = (dag_run.run_after - timedelta(days=settings.lookback_days)).date().isoformat()
        said = {"teacher": str(settings.teacher), "since": since}
        return [{"device_id": device.device_id} | said for device in active_devices(settings)]

    HerdbookOperator.partial(
        task_id="reread",
        arguments=[
            "learn",
            "reread",
            "--teacher={{ task.subject.teacher }}",
            "--device={{ task.subject.device_id }}",
            "--from={{ task.subject.since }}",
        ],
        keep=("day", "share", "reread", "queued", "identities"),
        map_index_template="{{ task.subject.device_id }}",
        max_active_tis_per_dagrun=1,
    ).expand(subject=asked())
