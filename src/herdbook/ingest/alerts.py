"""Alerts of devices: fetched, entered in the lake for good, then acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import duckdb
from sqlalchemy import select

from herdbook.contracts.alert_message import MAX_PAGE, Alert
from herdbook.errors import DeviceError, HerdbookError
from herdbook.ingest.client import AgentClient
from herdbook.ingest.lock import device_lock
from herdbook.ingest.pull import open_agent
from herdbook.lake import transaction
from herdbook.lake.attach import open_lake
from herdbook.lake.migrate import require_current
from herdbook.lake.rows import insert_rows
from herdbook.ledger.devices import find_device
from herdbook.ledger.models import Device
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

_SAID = (
    "device_id", "rule_id", "kind", "severity", "about", "animal_id", "confidence", "tracklet_id", "pen_id",
    "release_id", "rules_sha256", "began_at", "raised_at", "ended_at", "outcome",
)  # fmt: skip


@dataclass(frozen=True)
class Fetched:
    """What asking a device for its alerts came to."""

    device_id: str
    alerts: int = 0
    """New, or told anew."""
    error: HerdbookError | None = None
    """Why it could not be asked; the alerts stay on the device."""
    problem: str | None = None
    """Why the device cannot evaluate its rules, by its own word."""


def fetch_alerts(settings: Settings, device: Device, client: AgentClient) -> Fetched:
    """Enter what a device has to say in the lake, and acknowledge it. Once more changes nothing.

    Raises:
        DeviceError: the device does not answer, or not as an agent.
        StorageError: the lake cannot be written; nothing is acknowledged.
        NotInitialisedError: there is no lake yet.
    """
    entered = 0
    while True:
        page = client.alerts()
        if page is None:
            return Fetched(device.device_id)
        if page.alerts:
            entered += transaction.write(settings, partial(enter, farm_id=device.farm_id, alerts=page.alerts))
            client.acknowledge_alerts(max(alert.change for alert in page.alerts))
        if len(page.alerts) < MAX_PAGE:
            return Fetched(device.device_id, entered, problem=page.problem)


def fetch_all(settings: Settings, device_ids: Sequence[str] = ()) -> list[Fetched]:
    """Ask devices, by default all in service, one after the other; one that does not answer stops no other.

    Raises:
        NotFoundError: a device that was named is not enrolled.
        StorageError: the lake cannot be written.
        NotInitialisedError: there is no lake yet.
    """
    if not device_ids:
        with ledger_session(settings) as session:
            in_service = select(Device.device_id).where(Device.retired_at.is_(None)).order_by(Device.device_id)
            device_ids = list(session.scalars(in_service))
    found = []
    for device_id in device_ids:
        device = find_device(settings, device_id)
        try:
            with device_lock(settings, device_id), open_agent(settings, device) as client:
                client.check(settings.clock_skew_s)
                found.append(fetch_alerts(settings, device, client))
        except DeviceError as error:
            found.append(Fetched(device_id, error=error))
    return found


def enter(lake: duckdb.DuckDBPyConnection, farm_id: str, alerts: Sequence[Alert]) -> int:
    """Append the alerts that differ from what the lake has of them; how many."""
    require_current(lake)
    names = ", ".join(f'"{name}"' for name in _SAID)
    rows = lake.execute(
        f"SELECT alert_id, {names}, epoch_us(received_at) FROM alert WHERE alert_id IN (SELECT unnest(?))",  # noqa: S608
        [[alert.alert_id for alert in alerts]],
    ).fetchall()
    known = {row[0]: row[1:-1] for row in rows}
    now = datetime.now(UTC)  # a clock that went back must not make the new version the older one
    latest = max((row[-1] for row in rows), default=0)
    received_at = max(now, datetime.fromtimestamp(0, UTC) + timedelta(microseconds=latest + 1))
    new = {alert.alert_id: alert for alert in alerts if not _same_as(known.get(alert.alert_id), alert)}
    return insert_rows(lake, "alert.alert", [_row(alert, farm_id, received_at) for alert in new.values()])


def open_alerts(settings: Settings, *, everything: bool = False) -> list[dict[str, Any]]:
    """Alerts in the lake, newest first: those that go on, or all.

    Raises:
        NotInitialisedError: there is no lake yet, or it is of an older version.
    """
    with open_lake(settings, read_only=True) as lake:
        require_current(lake)
        found = lake.execute(
            "SELECT * FROM alert WHERE ? OR ended_at IS NULL ORDER BY raised_at DESC, alert_id", [everything]
        )
        columns = [column[0] for column in found.description or []]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def _same_as(known: tuple[Any, ...] | None, alert: Alert) -> bool:
    if known is None:
        return False
    said = _row(alert, "", datetime.now(UTC))
    return all(_plain(old) == _plain(said[name]) for name, old in zip(_SAID, known, strict=True))


def _plain(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _row(alert: Alert, farm_id: str, received_at: datetime) -> dict[str, Any]:
    evidence = alert.evidence
    baseline = evidence.baseline
    return {
        "alert_id": alert.alert_id,
        **{name: _text(getattr(alert, name)) for name in _SAID},
        "farm_id": farm_id,
        "measured": evidence.measured,
        "threshold": evidence.threshold,
        "unit": evidence.unit,
        "observed_s": evidence.observed_s,
        "baseline_median": None if baseline is None else baseline.median,
        "baseline_spread": None if baseline is None else baseline.spread,
        "baseline_days": None if baseline is None else baseline.days,
        "cameras": list(evidence.cameras),
        "clips": list(evidence.clips),
        "change": alert.change,
        "received_at": received_at,
    }


def _text(value: Any) -> Any:
    """Members of enumerations as the words that they stand for."""
    return value.value if hasattr(value, "value") else value
