"""All gates of a wave together: who proved, what the release sees, and for how long it went well."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from herdbook.fleet.rollout.drift import drift
from herdbook.fleet.rollout.gates import Say, Word, certificates
from herdbook.fleet.rollout.policy import Policy
from herdbook.fleet.rollout.state import Member, Wave
from herdbook.ledger.rollouts import MemberPhase

_UNSETTLED = (MemberPhase.TOLD, MemberPhase.PENDING)


def judge(
    policy: Policy, wave: Wave, group: Sequence[Member], now: datetime, *, proved_before: bool, left: bool
) -> Word:
    """What the gates say of a wave.

    Args:
        policy: the rollout's.
        wave: in flight.
        group: the devices that count for it.
        now: aware.
        proved_before: whether any device of an earlier wave has proved.
        left: whether any device of the rollout still waits for its turn.
    """
    assert wave.began_at is not None, "a wave in flight has begun"
    counted = {phase: sum(m.phase is phase for m in group) for phase in MemberPhase}
    proved, failed, away = (counted[p] for p in (MemberPhase.PROVED, MemberPhase.FAILED, MemberPhase.AWAY))
    waiting = sum(counted[phase] for phase in _UNSETTLED)
    since = now - wave.began_at
    said = certificates(policy.gates, proved, failed, waiting)
    evidence: dict[str, Any] = {"certificates": said.evidence | {"away": away, "why": said.why}}
    if said.say is Say.STOP:
        return Word(Say.STOP, said.why, evidence)

    sees = _drift(policy, wave, group)
    evidence["drift"] = sees.evidence | {"why": sees.why}
    shown = sees.evidence["clips"] >= policy.drift.least_clips
    if sees.say is Say.STOP and shown:
        return Word(Say.STOP, sees.why, evidence)
    if why := _waits(policy, said, group, since, now):
        return Word(Say.WAIT, why, evidence)
    if not proved:
        return _nobody(policy, since, away, evidence, skippable=proved_before or not (away or left))
    return Word(sees.say, sees.why if sees.say is Say.STOP else f"{said.why}; {sees.why}", evidence)


def _waits(policy: Policy, said: Word, group: Sequence[Member], since: timedelta, now: datetime) -> str:
    """What the wave waits for: devices that were told, those that do not answer, the time that it is watched."""
    if said.say is Say.WAIT:
        return said.why
    away = sum(member.phase is MemberPhase.AWAY for member in group)
    if away and since < timedelta(hours=policy.hours.absent):
        return f"{said.why}; {away} devices do not answer"
    proved = [m.proved_at for m in group if m.phase is MemberPhase.PROVED and m.proved_at is not None]
    if proved and now - max(proved) < timedelta(hours=policy.hours.soak):
        return f"{said.why}; watched for {policy.hours.soak:g} h"
    return ""


def _drift(policy: Policy, wave: Wave, group: Sequence[Member]) -> Word:
    """Clips of devices whose former release was of the same nature."""
    others = set(policy.drift.not_against)
    drifts = [m.drift for m in group if m.drift is not None and m.drift.old_release not in others]
    comparable = [m for m in group if m.phase is MemberPhase.PROVED and m.former not in others]
    # A device that ran the release already has nothing to compare it with.
    comparable = [m for m in comparable if m.drift is None or m.drift.old_release != m.drift.new_release]
    required = policy.drift.required == "canaries" and wave.number == 0 and bool(comparable)
    return drift((clip for one in drifts for clip in one.clips), policy.drift, required=required)


def _nobody(policy: Policy, since: timedelta, away: int, evidence: dict[str, Any], *, skippable: bool) -> Word:
    """A wave of which no device was told, or none is left. Nobody goes on before a device has proved the release."""
    if skippable and away:
        return Word(Say.PASS, f"passed over: none of its {away} devices answers; they catch up", evidence)
    if skippable:
        return Word(Say.PASS, "no device is left in it", evidence)
    if since < timedelta(hours=policy.hours.wave):
        return Word(Say.WAIT, "no device answers, and none has proved the release yet", evidence)
    return Word(Say.STOP, f"no device answered within {policy.hours.wave:g} h: silence is failure", evidence)
