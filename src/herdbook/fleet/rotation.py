"""A new token for a device, over its agent, without a night that is shut out.

Next to the token in force lies the next one, from before the device hears of it until it confirmed it: whatever dies in
between, one of the two opens the device, and the same command goes on.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from pathlib import Path

from herdbook.contracts.durable import replace_durably, write_durably
from herdbook.contracts.token import is_token
from herdbook.errors import CredentialError, DeviceAuthenticationError, DeviceProtocolError
from herdbook.fleet.agent import Agent
from herdbook.ledger.columns import utc_now
from herdbook.ledger.devices import active_devices, find_device, next_token_path, read_token, token_path
from herdbook.ledger.models import Device
from herdbook.settings import Settings

_PATH = "/v1/token"
OVERLAP_S = 86400.0
"""The former token dies a day after the new one was first used: longer than any night."""


def rotate(settings: Settings, device_id: str, *, overlap_s: float = OVERLAP_S) -> None:
    """Give a device a new token of 256 random bits, and use it from now on.

    Args:
        settings: where tokens lie.
        device_id: a device in service whose agent answers.
        overlap_s: seconds that the former token still opens it; 0 where it leaked.

    Raises:
        NotFoundError: the device is not in service.
        DeviceError: it does not answer as it should, or refuses; the former token then is still in force here and
            there.
    """
    device, former = find_device(settings, device_id), read_token(settings, device_id)
    path = next_token_path(settings, device_id)
    fresh = _next_token(path)
    try:
        with Agent(settings, device, former) as agent:
            agent.require_name()
            agent.put(_PATH, {"token": fresh, "overlap_s": overlap_s})
    except DeviceAuthenticationError:
        if not _opens(settings, device, fresh):  # a rotation that was cut off after the device had confirmed it
            raise
    except DeviceProtocolError as error:
        raise CredentialError(f"'{device_id}' does not take up a new token: {error.message}") from error
    replace_durably(path, token_path(settings, device_id))
    with Agent(settings, device, fresh) as agent:  # its first use: from here the former one's days are counted
        agent.require_name()


def older_than(settings: Settings, days: float, now: datetime | None = None) -> list[str]:
    """Devices in service whose token is older than so many days."""
    since = ((now or utc_now()) - timedelta(days=days)).timestamp()
    paths = {device.device_id: token_path(settings, device.device_id) for device in active_devices(settings)}
    return [name for name, path in paths.items() if path.is_file() and path.stat().st_mtime < since]


def _next_token(path: Path) -> str:
    """The next token: one that waits from a rotation that was cut off, or a new one."""
    if path.is_file():
        waiting = path.read_text(encoding="ascii", errors="replace").strip()
        if is_token(waiting):
            return waiting
    fresh = secrets.token_urlsafe(32)
    write_durably(path, f"{fresh}\n".encode("ascii"), mode=0o600)
    return fresh


def _opens(settings: Settings, device: Device, token: str) -> bool:
    try:
        with Agent(settings, device, token) as agent:
            agent.require_name()
    except DeviceAuthenticationError:
        return False
    return True
