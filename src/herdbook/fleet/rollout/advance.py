"""The decisions of a rollout, as a function of where it stands, what devices said, and the time. No clock, no disk, no
network: whoever calls it writes the result down, then acts on it (`herdbook.fleet.rollout.driver`).

What holds in every state that comes of it:

- one wave at most is in flight, and none begins before the gate of the one before passed;
- stopped and aborted are final, and nobody is told the release from then on;
- nobody but a canary is told before a device of the same kind (engine key) proved;
- who does not answer when its turn comes is told when it does; who was told and falls silent has failed;
- who is pinned or retired is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from herdbook.contracts.activation import DeviceReport
from herdbook.fleet.rollout import reports as said
from herdbook.fleet.rollout.gates import Say
from herdbook.fleet.rollout.judge import judge
from herdbook.fleet.rollout.state import OVER, REACHED, Decision, Member, State, Step, Wave
from herdbook.ledger.rollouts import MemberPhase, RolloutPhase, WavePhase


def advance(state: State, reports: Mapping[str, DeviceReport], now: datetime) -> Step:
    """The next step of a rollout.

    Args:
        state: where it stands.
        reports: of the devices that answered this time.
        now: aware.
    """
    course = _Course(state, reports, now)
    course.look()
    if state.phase in (RolloutPhase.RUNNING, RolloutPhase.PAUSED):
        course.judge()
    if course.phase is RolloutPhase.RUNNING:
        course.begin()
    if course.phase in (RolloutPhase.RUNNING, RolloutPhase.DONE):
        course.tell()
    if course.phase in OVER:
        course.leave()
    return Step(course.state(), tuple(course.decisions))


class _Course:
    """A state being changed, with the decisions that change it."""

    def __init__(self, state: State, reports: Mapping[str, DeviceReport], now: datetime) -> None:
        self._before = state
        self._reports = reports
        self._now = now
        self._members = dict(state.members)
        self._waves = list(state.waves)
        self._reason = state.reason
        self.phase = state.phase
        self.decisions: list[Decision] = []

    def state(self) -> State:
        return replace(
            self._before, phase=self.phase, waves=tuple(self._waves), members=self._members, reason=self._reason
        )

    def look(self) -> None:
        """What each device has become by what it said, or by its silence."""
        policy = self._before.policy
        current = self._running()
        for member in list(self._members.values()):
            now = self._skipped(member)
            if now is member:
                report = self._reports.get(member.device_id)
                assigned = self._before.assigned.get(member.device_id)
                now = said.read(member, report, self._before.release_id, self._now, assigned=assigned)
                watched = current is not None and _watched(now, current)
                now = said.silent(now, policy.hours, policy.windows.of(now.farm_id), self._now, watched=watched)
            self._set(now)
        self._stand_in()

    def judge(self) -> None:
        """What the gates say of the wave in flight."""
        wave = self._running()
        if wave is None:
            return
        group = [member for member in self._members.values() if _watched(member, wave)]
        proved_before = any(m.phase is MemberPhase.PROVED and m.wave < wave.number for m in self._members.values())
        left = any(m.phase is MemberPhase.PENDING for m in self._members.values())
        word = judge(self._before.policy, wave, group, self._now, proved_before=proved_before, left=left)
        wave = replace(wave, evidence={"say": word.say.value, "why": word.why} | word.evidence)
        if word.say is Say.WAIT or (word.say is Say.PASS and self.phase is RolloutPhase.PAUSED):
            self._waves[wave.number] = wave
            return
        passed = word.say is Say.PASS
        phase = WavePhase.PASSED if passed else WavePhase.FAILED
        self._waves[wave.number] = replace(wave, phase=phase, ended_at=self._now)
        what = "wave passed" if passed else "stop"
        self._decide(what, f"{_named(wave)}: {word.why}", wave=wave.number, evidence=wave.evidence)
        if not passed:
            self.phase, self._reason = RolloutPhase.STOPPED, f"{_named(wave)}: {word.why}"

    def begin(self) -> None:
        """The next wave, if none is in flight; after the last the rollout is done."""
        if self._running() is not None:
            return
        wave = next((wave for wave in self._waves if wave.phase is WavePhase.PENDING), None)
        if wave is None:
            self.phase, self._reason = RolloutPhase.DONE, ""
            away = sum(member.phase is MemberPhase.AWAY for member in self._members.values())
            self._decide("done", "every wave passed" + (f"; {away} devices are away and catch up" if away else ""))
            return
        self._waves[wave.number] = replace(wave, phase=WavePhase.RUNNING, began_at=self._now)
        turn = [m for m in self._members.values() if m.wave == wave.number and m.phase is MemberPhase.PENDING]
        self._decide("wave begins", f"{_named(wave)}: {len(turn)} devices", wave=wave.number)

    def tell(self) -> None:
        """Give the release to those whose turn has come and who answer; of a new kind to one device first."""
        current = self._running()
        reached = len(self._waves) if current is None else current.number
        proved = {m.engine_key for m in self._members.values() if m.phase is MemberPhase.PROVED}
        trying = {m.engine_key for m in self._members.values() if m.phase is MemberPhase.TOLD}
        for member in sorted(self._members.values(), key=lambda m: (m.wave, m.device_id)):
            if member.phase not in (MemberPhase.PENDING, MemberPhase.AWAY) or member.wave > reached:
                continue
            if member.device_id not in self._reports:
                self._set(member.became(MemberPhase.AWAY, "its turn came while it did not answer"))
                continue
            first = member.engine_key not in proved
            if first and self.phase is RolloutPhase.DONE:
                continue  # no gate would watch it
            if first and member.engine_key in trying and not (member.canary and member.wave == 0):
                continue
            trying.add(member.engine_key)
            builds = member.canary or first
            self._set(
                member.became(
                    MemberPhase.TOLD, canary=builds, told_at=self._now, signed=None, nudged_at=None, proved_at=None
                )
            )
            self._decide("told", f"{member.device_id} is to run {self._before.release_id}", device=member)

    def leave(self) -> None:
        """Send back whoever may hold the release, or may take it up any moment."""
        for member in list(self._members.values()):
            if member.phase not in REACHED:
                continue
            if not self._before.rolls_back or member.former in (None, self._before.release_id):
                if member.owed:
                    self._set(member.became(MemberPhase.SKIPPED, "the rollout was over before it was told"))
                continue
            self._set(member.became(MemberPhase.LEAVING, member.reason, told_at=self._now, signed=None, nudged_at=None))
            self._decide("roll back", f"{member.device_id} is to go back to {member.former}", device=member)

    def _stand_in(self) -> None:
        """Where no canary is left and none has proved, the next device that answers goes first in its place."""
        wave = self._running()
        members = sorted(self._members.values(), key=lambda m: (m.wave, m.device_id))
        if wave is None or wave.number or any(not m.wave and m.phase is not MemberPhase.SKIPPED for m in members):
            return
        answering = (m for m in members if m.phase is MemberPhase.PENDING and m.device_id in self._reports)
        if (first := next(answering, None)) is not None:
            self._members[first.device_id] = replace(first, wave=0, canary=True)
            self._decide("canary", f"{first.device_id} goes first: no other canary is left", device=first)

    def _running(self) -> Wave | None:
        return next((wave for wave in self._waves if wave.phase is WavePhase.RUNNING), None)

    def _skipped(self, member: Member) -> Member:
        if member.phase in (MemberPhase.SKIPPED, MemberPhase.LEFT, MemberPhase.STUCK):
            return member
        if member.device_id in self._before.gone:
            return member.became(MemberPhase.SKIPPED, "retired")
        if (pin := self._before.pins.get(member.device_id)) is not None:
            return member.became(MemberPhase.SKIPPED, f"pinned to {pin}")
        return member

    def _set(self, member: Member) -> None:
        before = self._members[member.device_id]
        if member.phase is MemberPhase.FAILED and before.phase is not MemberPhase.FAILED:
            member = replace(member, failed_at=self._now)
        self._members[member.device_id] = member
        if member.phase is not before.phase and member.phase in _WORTH_SAYING:
            self._decide(
                member.phase.value, f"{member.device_id}: {member.reason or member.phase.value}", device=member
            )

    def _decide(
        self,
        what: str,
        words: str,
        *,
        wave: int | None = None,
        device: Member | None = None,
        evidence: Mapping[str, Any] | None = None,
    ) -> None:
        where = device.wave if device is not None else wave
        name = None if device is None else device.device_id
        self.decisions.append(Decision(what, words, where, name, dict(evidence or {})))


_WORTH_SAYING = frozenset(
    {MemberPhase.PROVED, MemberPhase.FAILED, MemberPhase.AWAY, MemberPhase.SKIPPED, MemberPhase.LEFT}
)


def _watched(member: Member, wave: Wave) -> bool:
    """Whether a device counts for a wave: it is of it, or while it is in flight catches up, or fails after all."""
    if member.wave >= wave.number or wave.began_at is None:
        return member.wave == wave.number
    late = member.told_at is not None and member.told_at >= wave.began_at
    return late or (member.failed_at is not None and member.failed_at > wave.began_at)


def _named(wave: Wave) -> str:
    return "canaries" if wave.number == 0 else f"wave {wave.number}"
