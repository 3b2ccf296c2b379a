"""What devices know their animals by: made anew, and signed with the same release for those whose pools changed.

A device that is told so takes the file into its release's folder and switches nothing. One that does not run what it is
assigned is left alone: another assignment would have it begin again. It gets its pools with the next release, as a new
device does with its first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from herdbook.contracts.assignment import Assignment, pool_target
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.contracts.pools import POOLS_NAME, Pools, pools_bytes
from herdbook.errors import NotFoundError, ReleaseDataError
from herdbook.fleet.repository import is_signed
from herdbook.fleet.rollout import store
from herdbook.fleet.rollout.locks import held
from herdbook.fleet.rollout.seen import in_service, record_assigned
from herdbook.fleet.rollout.signer import Signer, TrustSigner, pools_folder
from herdbook.ledger.columns import utc_now
from herdbook.ledger.devices import find_device
from herdbook.ledger.rollouts import MemberPhase
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

_ELSEWHERE = frozenset({MemberPhase.TOLD, MemberPhase.LEAVING, MemberPhase.FAILED, MemberPhase.STUCK})


class Became(StrEnum):
    """What became of a device's pools."""

    SIGNED = "signed"
    """They changed: the device is told of them."""
    UNCHANGED = "unchanged"
    WAITS = "waits"
    """They go with the next release that it is told."""
    EMPTY = "empty"
    """None of its animals is enrolled, and none was."""
    UNKNOWN = "unknown"
    """Nothing is known of its cameras."""
    TOO_LARGE = "too large"
    """It keeps those it has."""


@dataclass(frozen=True)
class DevicePools:
    """A device's pools. ``animals``: in them; ``bytes``: of the file."""

    device: str
    became: Became
    animals: int = 0
    bytes: int = 0
    remark: str = ""


def refresh_pools(
    settings: Settings,
    pools_of: Callable[[str], Pools],
    device_ids: Collection[str] = (),
    *,
    signer: Signer | None = None,
) -> list[DevicePools]:
    """Write the pools of devices in service, and sign those that changed, all at once.

    Args:
        settings: whose fleet.
        pools_of: what a device's animals look like (`herdbook.identity.pools.device_pools`).
        device_ids: only these.
        signer: the signed repository; that of the settings if not given.

    Raises:
        NotFoundError: a device that was named is not in service.
        NotInitialisedError: there is no lake.
        DiskFullError: no space is left.
        HerdbookError: the repository cannot be signed.
    """
    names = [find_device(settings, name).device_id for name in device_ids]
    if not device_ids:
        with ledger_session(settings) as session:
            names = [device.device_id for device in in_service(session)]
    found = [_write(settings, name, pools_of) for name in names]
    written = [each.device for each in found if each.became is Became.WAITS]
    if signer is None and not is_signed(settings):
        return found
    signed = _sign(settings, signer or TrustSigner(settings), written)
    return [DevicePools(**vars(each) | {"became": signed.get(each.device, each.became)}) for each in found]


def _write(settings: Settings, device_id: str, pools_of: Callable[[str], Pools]) -> DevicePools:
    path: Path = pools_folder(settings, device_id) / POOLS_NAME
    try:
        pools = pools_of(device_id)
        raw = pools_bytes(pools)
    except NotFoundError as error:
        return DevicePools(device_id, Became.UNKNOWN, remark=error.message)
    except ReleaseDataError as error:
        return DevicePools(device_id, Became.TOO_LARGE, remark=error.message)
    if not pools.references and not path.exists():
        return DevicePools(device_id, Became.EMPTY)
    if not path.exists() or path.read_bytes() != raw:
        make_folder(path.parent)
        write_durably(path, raw)
    animals = len({reference.animal_id for reference in pools.references})
    return DevicePools(device_id, Became.WAITS, animals, len(raw))


def _sign(settings: Settings, signer: Signer, device_ids: Collection[str]) -> dict[str, Became]:
    """What became of those that have an assignment, and run it."""
    became: dict[str, Became] = {}
    with held(settings, "signing"):
        with ledger_session(settings) as session:
            latest = store.latest(session)
            members = {} if latest is None else store.load(session, latest.rollout_id).state.members
        elsewhere = {name for name, member in members.items() if member.phase in _ELSEWHERE}
        new: list[Assignment] = []
        for name, before in signer.present(device_ids).items():
            if name in elsewhere or not before.files:
                continue
            pools = signer.pools(name, before)
            others = tuple(file for file in before.files if not file.path.startswith(pool_target(name, "")))
            became[name] = Became.UNCHANGED if {*others, *pools} == {*before.files} else Became.SIGNED
            if became[name] is Became.SIGNED:
                told = {"number": before.number + 1, "files": (*others, *pools), "issued_at": utc_now()}
                new.append(before.model_copy(update=told))
        signer.assign(new)
        with ledger_session(settings) as session:
            record_assigned(session, {a.device_id: a.number for a in new}, {a.device_id: a.release_id for a in new})
    return became
