"""A platform and a device to pull from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from device_server import TOKEN, Device, serve

from herdbook.fleet.inventory import enrol
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings


def enrolled(settings: Settings, device: Device, **more: object) -> Settings:
    """Enrol a served device."""
    upgrade(settings)
    details = {"farm_id": "demo-farm", "timezone": "Europe/London", "token": TOKEN} | more
    enrol(settings, device.device_id, url=device.url, **details)  # type: ignore[arg-type]
    return settings


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    """A served device without any day yet."""
    with serve(Device(tmp_path / "device")) as device:
        yield device


@pytest.fixture
def settings(tmp_path: Path, device: Device) -> Settings:
    """A platform that knows the device."""
    return enrolled(Settings(home=tmp_path / "home", timeout_s=5), device)
