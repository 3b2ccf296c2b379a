"""The machine behind a device: asked for over its agent, kept in the ledger, swapped for another."""

from __future__ import annotations

from pathlib import Path

from herdbook.contracts.hardware import Hardware
from herdbook.errors import ConfigurationError, DeviceUnreachableError
from herdbook.fleet import inventory
from herdbook.fleet.agent import Agent
from herdbook.ledger.devices import find_device, read_token
from herdbook.ledger.hardware import close_hardware, hardware_row, open_hardware
from herdbook.ledger.models import Device
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


def ask_hardware(settings: Settings, device_id: str) -> Hardware:
    """The machine that answers as a device.

    Raises:
        NotFoundError: the device is not in service.
        DeviceUnreachableError, DeviceAuthenticationError, DeviceProtocolError: it does not answer as it should.
    """
    device = find_device(settings, device_id)
    with Agent(settings, device, read_token(settings, device_id)) as agent:
        try:
            agent.require_name()
            return agent.get("/v1/hardware", Hardware)
        except DeviceUnreachableError as error:
            error.remedy = "Run `herdbook fleet enrol DEVICE` again once it does: its machine is then read."
            raise


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
