"""A rollout in the ledger: read as a `State`, written with the decisions that changed it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from herdbook.contracts.activation import Drift
from herdbook.errors import NotFoundError
from herdbook.fleet.rollout.policy import Policy
from herdbook.fleet.rollout.state import Assigned, Decision, Member, State, Step, Wave
from herdbook.ledger.models import Device
from herdbook.ledger.rollouts import (
    DevicePin,
    DeviceSeen,
    MemberPhase,
    Rollout,
    RolloutDevice,
    RolloutEvent,
    RolloutPhase,
    RolloutWave,
)

HERDBOOK = "herdbook"
"""Who decided what no person did."""
_KEPT = (
    *("wave", "canary", "sku", "engine_key", "former", "phase", "reason"),
    *("told_at", "signed", "nudged_at", "proved_at", "well_at", "missed_at", "failed_at"),
)


@dataclass(frozen=True)
class Loaded:
    """A rollout as it stood when it was read."""

    rollout_id: int
    revision: int
    state: State


def find(session: Session, rollout_id: int) -> Rollout:
    """A rollout by its number.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(Rollout, rollout_id)
    if row is None:
        raise NotFoundError(f"there is no rollout {rollout_id}", "`herdbook fleet rollouts` lists them.")
    return row


def latest(session: Session) -> Rollout | None:
    """The rollout begun last."""
    return session.scalar(select(Rollout).order_by(Rollout.rollout_id.desc()).limit(1))


def load(session: Session, rollout_id: int) -> Loaded:
    """A rollout with its waves, devices and pins.

    Raises:
        NotFoundError: there is none.
    """
    row = find(session, rollout_id)
    waves = session.scalars(select(RolloutWave).filter_by(rollout_id=rollout_id).order_by(RolloutWave.number))
    devices = select(RolloutDevice, Device).join(Device, Device.device_id == RolloutDevice.device_id)
    members: dict[str, Member] = {}
    gone: set[str] = set()
    for entry, device in session.execute(devices.where(RolloutDevice.rollout_id == rollout_id)):
        members[device.device_id] = Member(
            device_id=device.device_id,
            farm_id=device.farm_id,
            timezone=device.timezone,
            drift=Drift.model_validate_json(entry.drift) if entry.drift else None,
            **{name: getattr(entry, name) for name in _KEPT},
        )
        if device.retired_at is not None:
            gone.add(device.device_id)
    state = State(
        release_id=row.release_id,
        policy=Policy.model_validate_json(row.policy),
        phase=row.phase,
        waves=tuple(
            Wave(w.number, w.phase, w.began_at, w.ended_at, json.loads(w.evidence) if w.evidence else {}) for w in waves
        ),
        members=dict(sorted(members.items())),
        rolls_back=row.rolls_back,
        reason=row.reason,
        pins={pin.device_id: pin.release_id for pin in session.scalars(select(DevicePin))},
        gone=frozenset(gone),
        assigned={
            seen.device_id: Assigned(seen.number, seen.desired)
            for seen in session.scalars(select(DeviceSeen).where(DeviceSeen.device_id.in_(members)))
            if seen.number is not None and seen.desired is not None
        },
    )
    return Loaded(rollout_id, row.revision, state)


def ways_back(session: Session, since: datetime) -> set[str]:
    """Releases that devices may be told to run again: what rollouts begun since then brought and replaced, what the
    newest one did, however old it is, and what is pinned."""
    newest = latest(session)
    counted = (Rollout.started_at >= since) | (Rollout.rollout_id == (newest.rollout_id if newest else None))
    found = set(session.scalars(select(Rollout.release_id).where(counted)))
    found |= set(
        session.scalars(
            select(RolloutDevice.former).join(Rollout, Rollout.rollout_id == RolloutDevice.rollout_id).where(counted)
        )
    )
    return {name for name in found | set(session.scalars(select(DevicePin.release_id))) if name is not None}


def add(session: Session, key: str, state: State, *, by: str, said: str, now: datetime) -> Rollout:
    """Enter a new rollout with everything that was planned."""
    row = Rollout(
        key=key,
        release_id=state.release_id,
        phase=state.phase,
        policy=state.policy.model_dump_json(),
        rolls_back=state.rolls_back,
        started_by=by,
        started_at=now,
    )
    session.add(row)
    session.flush()
    for wave in state.waves:
        session.add(RolloutWave(rollout_id=row.rollout_id, number=wave.number, phase=wave.phase))
    session.flush()
    for member in state.members.values():
        entry = RolloutDevice(rollout_id=row.rollout_id, device_id=member.device_id)
        _copy(member, entry)
        session.add(entry)
    enter(session, row.rollout_id, [Decision("started", said)], by=by, now=now)
    return row


def save(session: Session, before: Loaded, step: Step, now: datetime, by: str = HERDBOOK) -> bool:
    """Write what a step changed, with its decisions; False, and nothing written, if the rollout changed meanwhile."""
    row = session.get(Rollout, before.rollout_id, with_for_update=True)
    if row is None or row.revision != before.revision:
        return False
    state = step.state
    row.revision += 1
    if row.phase is not state.phase and state.phase not in (RolloutPhase.RUNNING, RolloutPhase.PAUSED):
        row.ended_at = now
    row.phase, row.reason = state.phase, state.reason
    for wave, was in zip(state.waves, before.state.waves, strict=True):
        if wave != was:
            entry = session.get_one(RolloutWave, (before.rollout_id, wave.number))
            entry.phase, entry.began_at, entry.ended_at = wave.phase, wave.began_at, wave.ended_at
            entry.evidence = json.dumps(wave.evidence)
    for device_id, member in state.members.items():
        if member != before.state.members[device_id]:
            _copy(member, session.get_one(RolloutDevice, (before.rollout_id, device_id)))
    enter(session, before.rollout_id, step.decisions, by=by, now=now)
    return True


def enter(session: Session, rollout_id: int, decisions: Iterable[Decision], *, by: str, now: datetime) -> None:
    """Add events."""
    session.add_all(
        RolloutEvent(
            rollout_id=rollout_id,
            at=now,
            by=by,
            what=decision.what,
            wave=decision.wave,
            device_id=decision.device_id,
            said=decision.said[:2000],
            evidence=json.dumps(decision.evidence),
        )
        for decision in decisions
    )


def mark_signed(session: Session, rollout_id: int, numbers: Mapping[str, int], told: Mapping[str, Member]) -> None:
    """Enter the numbers under which instructions were signed, unless something else was decided meanwhile."""
    for device_id, number in numbers.items():
        entry = session.get_one(RolloutDevice, (rollout_id, device_id))
        if (entry.phase, entry.told_at) == (told[device_id].phase, told[device_id].told_at):
            entry.signed = number


def mark_stuck(session: Session, rollout_id: int, stuck: Mapping[str, str], now: datetime) -> None:
    """Enter devices whose instruction cannot be signed, with the reason."""
    for device_id, reason in stuck.items():
        entry = session.get_one(RolloutDevice, (rollout_id, device_id))
        entry.phase, entry.reason = MemberPhase.STUCK, reason
    decisions = [Decision("stuck", f"{name}: {reason}", device_id=name) for name, reason in stuck.items()]
    enter(session, rollout_id, decisions, by=HERDBOOK, now=now)


def mark_nudged(session: Session, rollout_id: int, device_ids: Iterable[str], now: datetime) -> None:
    """Enter that devices were asked to look."""
    for device_id in device_ids:
        session.get_one(RolloutDevice, (rollout_id, device_id)).nudged_at = now


def _copy(member: Member, entry: RolloutDevice) -> None:
    for name in _KEPT:
        if getattr(entry, name) != getattr(member, name):
            setattr(entry, name, getattr(member, name))
    entry.drift = member.drift.model_dump_json() if member.drift is not None else None
