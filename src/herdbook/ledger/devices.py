"""Devices of the inventory, as those who talk to them need them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from herdbook.errors import DeviceAuthenticationError, NotFoundError
from herdbook.ledger.models import Device
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


def token_path(settings: Settings, device_id: str) -> Path:
    """Where the device's bearer token lies, readable by its owner only."""
    return settings.secrets / "devices" / f"{device_id}.token"


def next_token_path(settings: Settings, device_id: str) -> Path:
    """Where the token lies that a rotation is about to put into force."""
    return settings.secrets / "devices" / f"{device_id}.token.next"


def find_device(settings: Settings, device_id: str) -> Device:
    """A device in service.

    Raises:
        NotFoundError: it is not enrolled, or retired.
    """
    with ledger_session(settings) as session:
        device = session.get(Device, device_id)
    if device is None:
        raise NotFoundError(
            f"device '{device_id}' is not enrolled", "`herdbook fleet status` lists devices; `fleet enrol` adds one."
        )
    if device.retired_at is not None:
        raise NotFoundError(
            f"device '{device_id}' was retired on {device.retired_at:%Y-%m-%d}", "Enrol it again to use it again."
        )
    return device


def active_devices(settings: Settings) -> list[Device]:
    """Every device in service, by id."""
    with ledger_session(settings) as session:
        query = select(Device).where(Device.retired_at.is_(None)).order_by(Device.device_id)
        return list(session.scalars(query))


def read_token(settings: Settings, device_id: str) -> str:
    """The device's bearer token.

    Raises:
        DeviceAuthenticationError: there is none.
    """
    try:
        return token_path(settings, device_id).read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        raise DeviceAuthenticationError(f"device '{device_id}' has no readable token here") from error
