"""What the ledger keeps of each device's last word, and how devices are reached."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from herdbook.contracts.activation import DeviceReport, Stage
from herdbook.errors import DeviceAuthenticationError, PlainHttpRefusedError
from herdbook.fleet.rollout.agents import Address
from herdbook.ledger.devices import read_token
from herdbook.ledger.models import Device
from herdbook.ledger.rollouts import DeviceSeen
from herdbook.ledger.transport import require_tls
from herdbook.settings import Settings


def addresses(settings: Settings, devices: Iterable[Device]) -> tuple[list[Address], dict[str, str]]:
    """How to reach devices, and why some cannot be asked, by device."""
    found: list[Address] = []
    wrong: dict[str, str] = {}
    for device in devices:
        try:
            require_tls(settings, device.url)
            token = read_token(settings, device.device_id)
        except (DeviceAuthenticationError, PlainHttpRefusedError) as error:
            wrong[device.device_id] = error.message
        else:
            found.append(Address(device.device_id, device.url, token, device.ca_file))
    return found, wrong


def in_service(session: Session, device_ids: Collection[str] | None = None) -> list[Device]:
    """Devices in service, by name; of the named ones only."""
    found = session.scalars(select(Device).where(Device.retired_at.is_(None)).order_by(Device.device_id))
    return [device for device in found if device_ids is None or device.device_id in device_ids]


def record(session: Session, reports: Mapping[str, DeviceReport], wrong: Mapping[str, str], now: datetime) -> None:
    """Keep what devices said, and why others did not."""
    known = _rows(session, {*reports, *wrong})
    for device_id, report in reports.items():
        row = known[device_id]
        row.actual, row.stage, row.serving = report.actual, report.stage.value, report.serving
        row.sku, row.engine_key = report.hardware.sku, report.hardware.engine_key
        row.certificate = report.certificate.model_dump_json() if report.certificate is not None else None
        row.said = report.failure.message if report.failure is not None and report.stage is Stage.FAILED else ""
        row.seen_at = row.asked_at = now
    for device_id, why in wrong.items():
        known[device_id].said, known[device_id].asked_at = why, now


def record_assigned(session: Session, numbers: Mapping[str, int], releases: Mapping[str, str]) -> None:
    """Keep what was signed for devices."""
    known = _rows(session, numbers)
    for device_id, number in numbers.items():
        known[device_id].desired, known[device_id].number = releases[device_id], number


def _rows(session: Session, device_ids: Collection[str]) -> dict[str, DeviceSeen]:
    rows = {row.device_id: row for row in session.scalars(select(DeviceSeen)) if row.device_id in device_ids}
    for device_id in device_ids:
        if device_id not in rows:
            rows[device_id] = DeviceSeen(device_id=device_id)
            session.add(rows[device_id])
    return rows
