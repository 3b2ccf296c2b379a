"""Which machines were which device."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from herdbook.contracts.hardware import Hardware
from herdbook.ledger.columns import utc_now
from herdbook.ledger.models import DeviceHardware


def hardware_row(session: Session, device_id: str) -> DeviceHardware | None:
    """The device's present machine; none where it was never read, or was taken away."""
    query = select(DeviceHardware).where(DeviceHardware.device_id == device_id, DeviceHardware.valid_to.is_(None))
    return session.scalar(query)


def hardware_of(session: Session, device_id: str) -> Hardware | None:
    """The device's present machine, as an engine's key needs it."""
    row = hardware_row(session, device_id)
    return None if row is None else as_hardware(row)


def hardware_history(session: Session, device_id: str) -> list[DeviceHardware]:
    """All machines of a device, first to last."""
    query = select(DeviceHardware).where(DeviceHardware.device_id == device_id).order_by(DeviceHardware.number)
    return list(session.scalars(query))


def as_hardware(row: DeviceHardware) -> Hardware:
    """A row without device and times."""
    return Hardware.model_validate({name: getattr(row, name) for name in Hardware.model_fields})


def close_hardware(session: Session, device_id: str) -> None:
    """The device's machine is no longer it."""
    row = hardware_row(session, device_id)
    if row is not None:
        row.valid_to = utc_now()
        session.flush()


def open_hardware(session: Session, device_id: str, hardware: Hardware) -> None:
    """From now on this machine is the device; a row that says the same stays open."""
    row = hardware_row(session, device_id)
    if row is not None and as_hardware(row) == hardware:
        return
    close_hardware(session, device_id)
    newest = session.scalar(select(func.max(DeviceHardware.number)).where(DeviceHardware.device_id == device_id))
    session.add(DeviceHardware(device_id=device_id, number=(newest or 0) + 1, **hardware.model_dump()))
    session.flush()
