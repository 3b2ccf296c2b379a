"""What a step did, told twice: as one line of JSON in the task's log, and as metrics through Airflow's own StatsD.

Airflow decides whether and where metrics go (``AIRFLOW__METRICS__STATSD_ON``, ``…_HOST``, ``…_PORT``, ``…_PREFIX``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from airflow.sdk.observability import stats

from herdbook_airflow.command import Outcome

_TOLD = ("device", "device_id", "day", "revision", "state", "bytes", "clips_kept", "load_id", "cause", "subject")
"""Columns of a command's rows that its log line repeats."""
_MOST_ROWS = 50


def command_of(arguments: Sequence[str]) -> str:
    """Which command it is: ``herd.worries``, ``ingest``."""
    words = takewhile(lambda word: word.isalpha() and word.islower(), arguments)
    return ".".join(list(words)[:2])


def line(arguments: Sequence[str], subject: Mapping[str, Any], outcome: Outcome, seconds: float) -> str:
    """A step as one line of JSON: command, device, day, how it ended, how long it took, and what it did."""
    rows = [{name: row[name] for name in _TOLD if name in row} for row in outcome.rows[:_MOST_ROWS]]
    days = sorted({str(row["day"]) for row in rows if row.get("day")})
    told = {
        "step": command_of(arguments),
        "device": subject.get("device_id"),
        "day": days[-1] if days else subject.get("day") or subject.get("until"),
        "exit_code": outcome.code,
        "seconds": round(seconds, 1),
        "rows": [row for row in rows if row],
    }
    return json.dumps({name: value for name, value in told.items() if value not in (None, [])}, default=str)


def count(arguments: Sequence[str], outcome: Outcome, seconds: float) -> None:
    """Say it in figures, too."""
    command = command_of(arguments)
    stats.timing(f"herdbook.seconds.{command}", 1000 * seconds)
    if outcome.code != 0:
        stats.incr(f"herdbook.exit.{outcome.code}")
    for name, value in _counted(command, outcome.rows):
        stats.incr(f"herdbook.{name}", value)
    for name, level in _gauged(command, outcome.rows):
        stats.gauge(f"herdbook.{name}", level)


def _counted(command: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    if command == "ingest":
        for row in rows:
            yield f"device_days.{row['state']}", 1
            yield "bytes", int(row["bytes"])
            yield "quarantined", sum(finding["file"] is not None for finding in row["findings"])
    elif command == "load":
        yield "device_days.loaded", len(rows)


def _gauged(command: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    for row in rows:
        if command == "publish" and row.get("coverage") is not None:
            yield "coverage.share", float(row["coverage"])
        elif command == "herd.reviews":
            yield "queue.identity", float(row["identity"])
            yield "queue.learning", float(row["learning"])
    if command == "herd.worries":
        yield "worries", float(len(rows))
