"""When nights are, which day they are about, and what their tasks have in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, CronTriggerTimetable

from herdbook.contracts.farmtime import local_day
from herdbook.settings import get_settings
from herdbook_airflow.alerts import record_alert
from herdbook_airflow.queues import IO

START = datetime(2020, 1, 1, tzinfo=UTC)
"""No camera of ours is older: a backfill may go back this far."""


def default_args(queue: str = IO) -> dict[str, Any]:
    """Retries with doubling waits; what fails in the end is recorded as an alert, and people are told.

    Args:
        queue: of the workers that run the DAG's tasks (`herdbook_airflow.queues`).
    """
    from herdbook_airflow.notifier import TellPeople  # which asks this module about nights

    settings = get_settings()
    return {
        "queue": queue,
        "retries": settings.retries,
        "retry_delay": timedelta(seconds=settings.retry_delay_s),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(hours=1),
        "on_failure_callback": [record_alert, TellPeople(failed=True)],
        "on_success_callback": TellPeople(),
    }


def few_retries() -> int:
    """Of a task that others wait for: with the default delay they wait a quarter of an hour at most."""
    return min(get_settings().retries, 2)


def load_shares() -> list[dict[str, str]]:
    """The shares in which a night's loads are done (``HERDBOOK_LOAD_TASKS``)."""
    of = get_settings().load_tasks
    return [{"share": f"{k}/{of}"} for k in range(1, of + 1)]


def night_limit() -> timedelta:
    """How long a night may fetch from one device (``HERDBOOK_NIGHT_HOURS``)."""
    return timedelta(hours=get_settings().night_hours)


def nightly(*, hours_later: int = 0) -> CronDataIntervalTimetable:
    """Once a night, at the farm's ``night_at``. A run's data interval starts on the day that it is about."""
    settings = get_settings()
    at = settings.night_at
    return CronDataIntervalTimetable(
        f"{at.minute} {(at.hour + hours_later) % 24} * * *", timezone=settings.night_timezone
    )


def weekly(*, hours_later: int = 0) -> CronTriggerTimetable:
    """Once a week, in the night to Sunday, hours after the farm's ``night_at``.

    Switched on, a DAG without a start date waits for that; with one, it would make up for the last time at once.
    """
    settings = get_settings()
    at = settings.night_at
    return CronTriggerTimetable(
        f"{at.minute} {(at.hour + hours_later) % 24} * * 0",
        timezone=settings.night_timezone,
        run_immediately=timedelta(0),
    )


def last_day(dag_run: Any, params: Mapping[str, Any]) -> str:
    """The farm-local day (ISO 8601) that a run ends with: its parameter ``until``, else the day of its data interval.

    A run without a data interval (triggered without a logical date) is about yesterday.
    """
    if params.get("until"):
        return str(params["until"])
    timezone = get_settings().night_timezone
    if dag_run.data_interval_start is not None:
        return local_day(dag_run.data_interval_start, timezone).isoformat()
    return (local_day(dag_run.run_after, timezone) - timedelta(days=1)).isoformat()
