"""Renewal over the wire: the device makes a new key and asks, the platform issues, the device takes it up."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from herdbook.errors import CredentialError, DeviceProtocolError, HerdbookError
from herdbook.fleet.agent import Agent
from herdbook.fleet.authority.issue import MAX_REQUEST_BYTES, Issued, issued, note, sign
from herdbook.ledger.devices import find_device, read_token
from herdbook.settings import Settings


@dataclass(frozen=True)
class Renewed:
    """What became of one device's certificate: either the new one, or why there is none."""

    device_id: str
    issued: Issued | None = None
    error: HerdbookError | None = None


class _Asked(BaseModel):
    request: str = Field(max_length=MAX_REQUEST_BYTES)


def renew(settings: Settings, devices: Sequence[str] = ()) -> list[Renewed]:
    """Renew certificates of devices, or of all whose certificate is due. One that fails is no other's matter.

    A device that is off is asked again the next night; its certificate holds for another third of its life.
    """
    names = list(devices) or [each.device_id for each in issued(settings) if each.due]
    told = []
    for name in names:
        try:
            told.append(Renewed(name, issued=renew_one(settings, name)))
        except HerdbookError as error:
            told.append(Renewed(name, error=error))
    return told


def renew_one(settings: Settings, device_id: str) -> Issued:
    """Renew one device's certificate.

    Raises:
        NotFoundError: it is not in service.
        DeviceError: it does not answer as it should; `CredentialError` where it does not take the certificate up.
        AuthorityError: the certificate cannot be issued.
    """
    device, token = find_device(settings, device_id), read_token(settings, device_id)
    with Agent(settings, device, token) as agent:
        agent.require_name()
        asked = agent.ask("/v1/certificate/request", _Asked)
        certificate = sign(settings, device_id, asked.request.encode())
        try:
            agent.put("/v1/certificate", {"certificate": certificate.decode("ascii")})
        except DeviceProtocolError as error:
            raise CredentialError(f"'{device_id}' does not take up its certificate: {error.message}") from error
    with Agent(settings, device, token) as agent:  # over a connection of its own
        agent.require_name()
        if agent.certificate != ssl.PEM_cert_to_DER_cert(certificate.decode("ascii")):
            raise CredentialError(
                f"'{device_id}' took its certificate up, but serves with another one",
                "Start its agent without --certfile and --keyfile: it then serves with what it took up.",
            )
    return note(settings, device_id, certificate)
