"""Every night: fetch what each device has of the days up to last night. Updates the asset *herd days*.

A device that is off does not hold up the others, nor does one that is slow (``HERDBOOK_NIGHT_HOURS``). Its task fails
after its retries and leaves an alert; later nights ask for the same days again (``HERDBOOK_LOOKBACK_DAYS``). What came
before it failed is loaded all the same. What a device sent and had to be set aside leaves an alert too. To fetch older
days: ``airflow backfill create --dag-id nightly_ingest --from-date … --to-date …``; a run's logical date is the day
that it is about.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, TriggerRule, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from herdbook_airflow.assets import HERD_DAYS
from herdbook_airflow.command import SET_ASIDE
from herdbook_airflow.nights import START, default_args, last_day, night_limit, nightly
from herdbook_airflow.operators import HerdbookOperator

with DAG(
    dag_id="nightly_ingest",
    description="Fetch last night's device days",
    doc_md=__doc__,
    schedule=nightly(),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    params={
        "until": Param(None, type=["null", "string"], format="date", description="Fetch days up to this one instead.")
    },
    tags=["night"],
):

    @task
    def devices(dag_run: Any = None, params: Any = None) -> list[dict[str, str]]:
        """Every device in service, with the last day to ask it for."""
        from herdbook.ledger.devices import active_devices
        from herdbook.settings import get_settings

        until = last_day(dag_run, params)
        return [{"device_id": device.device_id, "until": until} for device in active_devices(get_settings())]

    @task(trigger_rule=TriggerRule.ALL_DONE, outlets=[HERD_DAYS], retries=0)
    def herd_days(asked: Any, answered: Any, outlet_events: Any = None) -> None:
        """Say that days have landed; fail only if no device could be ingested at all and nothing waits for its load."""
        from herdbook.ledger.days import waiting_days
        from herdbook.ledger.session import ledger_session
        from herdbook.settings import get_settings

        if asked == []:
            raise AirflowSkipException("No device is enrolled: `herdbook fleet enrol` adds one.")
        done = [answer["device_id"] for answer in answered or ()]
        failed = sorted({device["device_id"] for device in asked or ()} - set(done))
        with ledger_session(get_settings()) as session:
            waiting = len(waiting_days(session))
        if not done and not waiting:
            raise AirflowFailException(f"No device could be ingested: {', '.join(failed) or 'the ledger gave none'}")
        outlet_events[HERD_DAYS].extra = {"devices": done, "failed": failed, "waiting_days": waiting}

    asked = devices()
    ingest = HerdbookOperator.partial(
        task_id="ingest_device",
        arguments=["ingest", "{{ task.subject.device_id }}", "--until", "{{ task.subject.until }}"],
        keep=("device", "day", "revision", "state"),
        tolerate=SET_ASIDE,
        map_index_template="{{ task.subject.device_id }}",
        execution_timeout=night_limit(),
    ).expand(subject=asked)
    herd_days(asked, ingest.output)
    # Missed days, silent devices, disk, drift: people are told when it has ended.
    worries = HerdbookOperator(
        task_id="worries",
        arguments=["herd", "worries"],
        keep=("cause", "subject"),
        trigger_rule=TriggerRule.ALL_DONE,
    )
    ingest >> worries
