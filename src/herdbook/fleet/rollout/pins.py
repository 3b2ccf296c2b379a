"""Releases that people fix for single devices. A pin is written first, then signed; rollouts pass the device by."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from herdbook.contracts.assignment import Why
from herdbook.errors import NotFoundError, NotSignedError
from herdbook.fleet.rollout.locks import held
from herdbook.fleet.rollout.seen import record_assigned
from herdbook.fleet.rollout.sign import Instruction, sign
from herdbook.fleet.rollout.signer import Signer, TrustSigner
from herdbook.ledger.columns import utc_now
from herdbook.ledger.devices import find_device
from herdbook.ledger.rollouts import DevicePin, DeviceSeen
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


def pin(
    settings: Settings, device_id: str, release_id: str, *, by: str, reason: str, signer: Signer | None = None
) -> None:
    """Fix a device's release, and sign that it is to run it.

    Raises:
        NotFoundError: the device is not in service.
        NotSignedError: there is no such signed release.
    """
    signer = signer or TrustSigner(settings)
    find_device(settings, device_id)
    signer.release(release_id)
    with held(settings, "signing"):
        with ledger_session(settings) as session:
            row = session.get(DevicePin, device_id) or DevicePin(device_id=device_id)
            row.release_id, row.by, row.reason, row.at, row.signed = release_id, by, reason, utc_now(), None
            session.add(row)
        sign_pins(settings, signer, utc_now())


def unpin(settings: Settings, device_id: str) -> None:
    """Let a device take part in later rollouts again. Until one comes it stays as it is.

    Raises:
        NotFoundError: it is not pinned.
    """
    with held(settings, "signing"), ledger_session(settings) as session:
        row = session.get(DevicePin, device_id)
        if row is None:
            raise NotFoundError(f"device '{device_id}' is not pinned", "`herdbook fleet status` shows who is.")
        session.delete(row)


def sign_pins(settings: Settings, signer: Signer, now: datetime) -> None:
    """Sign pins that are not signed yet. Hold the signing lock.

    Raises:
        NotSignedError: a release is no longer in the repository.
    """
    with ledger_session(settings) as session:
        rows = list(session.scalars(select(DevicePin).where(DevicePin.signed.is_(None))))
        keys = {r.device_id: r.engine_key or "" for r in session.scalars(select(DeviceSeen))} if rows else {}
    if not rows:
        return
    told = [Instruction(row.device_id, row.release_id, keys.get(row.device_id, ""), Why.PIN) for row in rows]
    signed = sign(signer, told, now)
    with ledger_session(settings) as session:
        for device_id, number in signed.numbers.items():
            session.get_one(DevicePin, device_id).signed = number
        record_assigned(session, signed.numbers, {row.device_id: row.release_id for row in rows})
    if signed.refused:
        raise NotSignedError(next(iter(signed.refused.values())))
