"""Enrolling and retiring devices. What a device is lies in the ledger, its token in a file of its own."""

from __future__ import annotations

import secrets
import ssl
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from herdbook.contracts import farmtime
from herdbook.contracts.durable import write_durably
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.token import TOKEN_RULE, is_token
from herdbook.errors import ConfigurationError, NotFoundError
from herdbook.ledger.columns import utc_now
from herdbook.ledger.devices import next_token_path, token_path
from herdbook.ledger.hardware import close_hardware
from herdbook.ledger.models import DAY_MISSING, Attempt, DayState, Device, DeviceDay
from herdbook.ledger.session import ledger_session
from herdbook.ledger.transport import require_tls
from herdbook.settings import Settings

_SLUG = TypeAdapter(Slug)
_LONGEST_URL = 255
"""What the ledger holds."""


def enrol(
    settings: Settings,
    device_id: str,
    *,
    farm_id: str | None = None,
    url: str | None = None,
    timezone: str | None = None,
    token: str | None = None,
    ca_file: Path | None = None,
) -> Device:
    """Add a device, change one, or bring a retired one back. What is not given stays as it is.

    Raises:
        ConfigurationError: a value cannot be used, or one is lacking: a new device needs all, one that was retired its
            token again.
        NotInitialisedError: there is no ledger yet.
    """
    given = {
        "farm_id": farm_id and _slug("farm", farm_id),
        "url": url and _agent_url(settings, url),
        "timezone": timezone and str(farmtime.zone(timezone)),
        "ca_file": ca_file and _certificates(ca_file),
    }
    secret = token and _token(token)
    with ledger_session(settings) as session:
        device = session.get(Device, _slug("device", device_id))
        missing = [name for name in ("farm_id", "url", "timezone") if device is None and not given[name]]
        if not secret and (device is None or not token_path(settings, device_id).exists()):
            missing.append("token_file")
        if missing:
            options = ", ".join("--" + name.removesuffix("_id").replace("_", "-") for name in missing)
            why = "is new here" if device is None else "has no token here"
            raise ConfigurationError(f"device '{device_id}' {why}: {options} missing")
        if secret:
            _require_own_token(settings, session, device_id, secret)
        if device is None:
            device = Device(device_id=device_id)
            session.add(device)
        for name, value in given.items():
            if value:
                setattr(device, name, value)
        device.retired_at = None
        # The file first: a device in the ledger always has its token.
        if secret:
            next_token_path(settings, device_id).unlink(missing_ok=True)
            _write_token(token_path(settings, device_id), secret)
        session.flush()
    return device


def retire(settings: Settings, device_id: str) -> None:
    """Take a device out of service: no later night asks it. Its days, footage and history stay; its token goes.

    Raises:
        NotFoundError: it is not enrolled.
    """
    with ledger_session(settings) as session:
        device = session.get(Device, device_id)
        if device is None:
            raise NotFoundError(f"device '{device_id}' is not enrolled", "`herdbook fleet status` lists devices.")
        device.retired_at = device.retired_at or utc_now()
        close_hardware(session, device_id)
    for path in (token_path(settings, device_id), next_token_path(settings, device_id)):
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class DeviceStatus:
    """How a device fares.

    ``state``: ``new``, ``ok``, ``retired``, the name of the error of its last attempt, or ``no <day>`` where it does
    not have the newest day that was asked for.
    """

    device: str
    farm: str
    url: str
    last_landed: date | None
    last_loaded: date | None
    state: str


def status(settings: Settings) -> list[DeviceStatus]:
    """Every device ever enrolled, by id."""
    with ledger_session(settings) as session:

        def last_day(device: Device, *states: DayState) -> date | None:
            query = select(func.max(DeviceDay.day)).where(DeviceDay.device_id == device.device_id)
            return session.scalar(query.where(DeviceDay.state.in_(states)))

        def state(device: Device) -> str:
            if device.retired_at is not None:
                return "retired"
            tries = select(Attempt).where(Attempt.device_id == device.device_id)
            # A day the device does not have matters only while it is the newest that was asked for.
            of_days = tries.where(Attempt.day.is_not(None)).order_by(Attempt.day.desc(), Attempt.attempt_id.desc())
            of_day = session.scalar(of_days.limit(1))
            others = tries.where(Attempt.error.is_distinct_from(DAY_MISSING))
            last = session.scalar(others.order_by(Attempt.attempt_id.desc()).limit(1))
            if last is not None and last.error:
                return last.error
            if of_day is not None and of_day.error == DAY_MISSING:
                return f"no {of_day.day}"
            return "new" if last is None else "ok"

        return [
            DeviceStatus(
                device=device.device_id,
                farm=device.farm_id,
                url=device.url,
                last_landed=last_day(device, DayState.LANDED, DayState.LOADED),
                last_loaded=last_day(device, DayState.LOADED),
                state=state(device),
            )
            for device in session.scalars(select(Device).order_by(Device.device_id))
        ]


def _require_own_token(settings: Settings, session: Session, device_id: str, token: str) -> None:
    """Refuse a token that opens another device, too: whoever takes one of them would have both."""
    for other in session.scalars(select(Device.device_id).where(Device.device_id != device_id)):
        path = token_path(settings, other)
        if path.is_file() and secrets.compare_digest(path.read_text(encoding="ascii").strip(), token):
            raise ConfigurationError(
                f"that is the token of '{other}': '{device_id}' needs its own",
                "Make one on the device with `herdbook edge init`; a copied disk carries its original's.",
            )


def _write_token(path: Path, token: str) -> None:
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_durably(path, f"{token}\n".encode("ascii"), mode=0o600)


def _slug(what: str, value: str) -> str:
    try:
        return _SLUG.validate_python(value)
    except ValidationError as error:
        raise ConfigurationError(
            f"'{value}' is not a {what} name", "Use lower-case letters, digits, dots, '-' and '_', at most 63."
        ) from error


def _agent_url(settings: Settings, value: str) -> str:
    if not _is_agent_url(value):
        raise ConfigurationError(
            f"'{_shown(value)}' is not an agent's address",
            "Give --url like https://barn-a-1.example:8443, without a user name or query.",
        )
    require_tls(settings, value)
    return value.rstrip("/")


def _is_agent_url(value: str) -> bool:
    """Whether it names an agent, and both of our HTTP clients (`herdbook.ingest.client`) can go there."""
    try:
        parts, there = urlsplit(value), httpx.URL(value)
        if parts.port == 0 or not parts.hostname or not there.host:
            return False
        parts.hostname.encode("idna")
    except (ValueError, httpx.InvalidURL):
        return False
    rest = parts.username or parts.password or parts.query or parts.fragment
    return parts.scheme in ("http", "https") and not rest and len(value) <= _LONGEST_URL and " " not in value


def _shown(url: str) -> str:
    """As much of a refused address as holds no secret."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme[:20]}{mark}{rest.rpartition('@')[2][:40]}…"


def _token(value: str) -> str:
    token = value.strip()
    if not is_token(token):
        raise ConfigurationError(
            "the token file does not hold a token", f"It is {TOKEN_RULE}, the same as on the device."
        )
    return token


def _certificates(path: Path) -> str:
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"{path} does not hold certificates: {error}", "Give a PEM file.") from error
    return str(path.absolute())
