"""The machine behind a device: asked for over its agent, kept in the ledger, swapped for another."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from herdbook.contracts.hardware import Hardware
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import (
    ConfigurationError,
    DeviceAuthenticationError,
    DeviceProtocolError,
    DeviceUnreachableError,
)
from herdbook.fleet import inventory
from herdbook.ledger.devices import find_device, read_token
from herdbook.ledger.hardware import close_hardware, hardware_row, open_hardware
from herdbook.ledger.models import Device
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

_TIMEOUT_S = 5.0
_MAX_BYTES = 1 << 16
_Answer = TypeVar("_Answer", bound=BaseModel)


class _Name(BaseModel):
    """What of ``GET /v1/health`` matters here."""

    device_id: Slug


def ask_hardware(settings: Settings, device_id: str) -> Hardware:
    """The machine that answers as a device.

    Raises:
        NotFoundError: the device is not in service.
        DeviceUnreachableError, DeviceAuthenticationError, DeviceProtocolError: it does not answer as it should.
    """
    device = find_device(settings, device_id)
    where = f"'{device_id}' at {device.url}"
    try:
        verify = ssl.create_default_context(cafile=device.ca_file) if device.url.startswith("https") else False
        with httpx.Client(
            base_url=device.url,
            headers={"Authorization": f"Bearer {read_token(settings, device_id)}"},
            verify=verify,
            timeout=_TIMEOUT_S,
            trust_env=False,
        ) as http:
            name = _get(http, where, "/v1/health", _Name)
            if name.device_id != device_id:
                raise DeviceProtocolError(
                    f"{where} says it is '{name.device_id}'",
                    "Correct its address with `herdbook fleet enrol DEVICE --url URL`.",
                )
            return _get(http, where, "/v1/hardware", Hardware)
    except (httpx.RequestError, OSError) as error:
        raise DeviceUnreachableError(
            f"{where} does not answer: {error or type(error).__name__}",
            "Run `herdbook fleet enrol DEVICE` again once it does: its machine is then read.",
        ) from error


def note_hardware(settings: Settings, device_id: str, hardware: Hardware) -> None:
    """Enter a device's machine into its history, if it is not there yet.

    Raises:
        ConfigurationError: it is another board than the one that was enrolled: a swap is said with `replace`.
    """
    with ledger_session(settings) as session:
        row = hardware_row(session, device_id)
        if row is not None and row.serial and hardware.serial and row.serial != hardware.serial:
            raise ConfigurationError(
                f"'{device_id}' answers from board {hardware.serial}, but board {row.serial} is enrolled",
                "If the machine was swapped, run `herdbook fleet replace DEVICE --token-file FILE`.",
            )
        open_hardware(session, device_id, hardware)


def replace(
    settings: Settings, device_id: str, *, token: str, url: str | None = None, ca_file: Path | None = None
) -> Device:
    """Put another machine into a device's place: same name, days, history and count of assignments; new token.

    Its machine is entered when it is next asked (`ask_hardware`, `note_hardware`).

    Raises:
        NotFoundError: the device is not in service.
        ConfigurationError: the token is the old machine's, or a value cannot be used.
    """
    find_device(settings, device_id)
    if token.strip() == read_token(settings, device_id):
        raise ConfigurationError(
            f"'{device_id}' has this token already: a machine that went away may still hold it",
            "Make a new one on the new machine with `herdbook edge init`.",
        )
    device = inventory.enrol(settings, device_id, url=url, token=token, ca_file=ca_file)
    with ledger_session(settings) as session:
        close_hardware(session, device_id)
    return device


def _get(http: httpx.Client, where: str, path: str, kind: type[_Answer]) -> _Answer:
    response = http.get(path)
    if response.status_code in (401, 403):
        raise DeviceAuthenticationError(f"{where} refuses our token")
    if response.status_code != 200 or len(response.content) > _MAX_BYTES:
        raise DeviceProtocolError(f"{where} answers {path} with status {response.status_code}")
    try:
        return kind.model_validate_json(response.content)
    except ValidationError as error:
        problem = first_problem(error.errors(), "the whole")
        raise DeviceProtocolError(f"{path} of {where} is not the agent's: {problem}") from error
