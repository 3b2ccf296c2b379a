"""A task that failed for good becomes an alert: an error in its log and a line in ``$HERDBOOK_HOME/alerts.jsonl``."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from herdbook.settings import get_settings

log = logging.getLogger(__name__)


def record_alert(context: Mapping[str, Any]) -> None:
    """Airflow's ``on_failure_callback``: called once, after the last retry."""
    ti = context["task_instance"]
    alert = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "dag_id": ti.dag_id,
        "run_id": ti.run_id,
        "task_id": ti.task_id,
        # Which device or file a mapped task was about; a callback run by the DAG processor may not know.
        "subject": getattr(context.get("task"), "subject", None),
        "try_number": ti.try_number,
        "message": str(context.get("exception") or context.get("reason") or "no message"),
    }
    log.error("Alert: %s", alert)
    path = get_settings().alerts
    path.parent.mkdir(parents=True, exist_ok=True)
    line = (json.dumps(alert, default=str) + "\n").encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, line)  # one write: alerts of parallel tasks do not mix
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
