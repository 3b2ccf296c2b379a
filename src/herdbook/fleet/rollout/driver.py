"""Carrying a rollout on by one step: ask devices, decide, write the decision, sign it, nudge, write what was done.

The ledger holds what was decided before anything is done about it, and every deed can be done twice: a driver that is
killed between two lines is followed by one that goes on. What is not signed yet is signed by the next step, under the
decision that then stands.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from herdbook.contracts.activation import DeviceReport
from herdbook.contracts.assignment import Why
from herdbook.errors import HerdbookError, RolloutConflictError
from herdbook.fleet.rollout import store
from herdbook.fleet.rollout.advance import advance
from herdbook.fleet.rollout.agents import ASK_TIMEOUT_S, Agents
from herdbook.fleet.rollout.locks import held
from herdbook.fleet.rollout.pins import sign_pins
from herdbook.fleet.rollout.seen import addresses, in_service, record, record_assigned
from herdbook.fleet.rollout.sign import Instruction, sign
from herdbook.fleet.rollout.signer import Signer, TrustSigner
from herdbook.fleet.rollout.state import Member, State
from herdbook.ledger.columns import utc_now
from herdbook.ledger.rollouts import MemberPhase
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

_ENDED = frozenset({MemberPhase.SKIPPED, MemberPhase.LEFT, MemberPhase.STUCK, MemberPhase.FAILED})


@dataclass(frozen=True)
class Progress:
    """Where a rollout stands after a step. ``busy``: another driver was at it, and nothing was done."""

    rollout_id: int
    state: State
    settled: bool
    busy: bool = False


class Driver:
    """Drives rollouts.

    Args:
        settings: whose ledger, secrets and repository.
        signer: the signed repository; that of the settings if not given.
        clock: the time, aware.
        trace: is told the name of every deed once it is done: ``asked``, ``decided``, ``signed``, ``recorded``,
            ``nudged``.
    """

    def __init__(
        self,
        settings: Settings,
        signer: Signer | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
        timeout_s: float = ASK_TIMEOUT_S,
        trace: Callable[[str], None] = lambda deed: None,
    ) -> None:
        self._settings = settings
        self._signer = signer or TrustSigner(settings)
        self._clock = clock
        self._timeout_s = min(timeout_s, settings.timeout_s)
        self._trace = trace

    def step(self, rollout_id: int) -> Progress:
        """Carry a rollout on.

        Raises:
            NotFoundError: there is no such rollout.
            RolloutConflictError: a later one was begun: this one is over for good.
            HerdbookError: the repository cannot be signed; the next step tries again.
        """
        with held(self._settings, "driver", wait=False) as alone:
            if alone:
                self._step(rollout_id)
        with ledger_session(self._settings) as session:
            state = store.load(session, rollout_id).state
        return Progress(rollout_id, state, state.settled(self._clock()), busy=not alone)

    def _step(self, rollout_id: int) -> None:
        with ledger_session(self._settings) as session:
            newest = store.latest(session)
            before = store.load(session, rollout_id)
            if newest is None or newest.rollout_id != rollout_id:
                raise RolloutConflictError(f"rollout {rollout_id} was followed by a later one")
            devices = in_service(session, _asked(before.state))
        reachable, wrong = addresses(self._settings, devices)
        agents = Agents(reachable, timeout_s=self._timeout_s)
        reports, silent = agents.reports()
        self._trace("asked")
        now = self._clock()
        heard = {name: report for name, report in reports.items() if self._plans_are_here(before.state, report, agents)}
        step = advance(before.state, heard, now)
        with ledger_session(self._settings) as session:
            record(session, reports, wrong | silent, now)
            if step.state != before.state and not store.save(session, before, step, now):
                return  # a person changed it meanwhile: the next step decides anew
        self._trace("decided")
        self._sign(rollout_id)
        self._nudge(rollout_id, agents)

    def _sign(self, rollout_id: int) -> None:
        """Sign what stands decided by now: nobody can abort between our reading and our signing."""
        with held(self._settings, "signing"):
            with ledger_session(self._settings) as session:
                state = store.load(session, rollout_id).state
            owed = state.to_sign
            told = [_instruction(rollout_id, state, member) for member in owed.values()]
            if told:
                signed = sign(self._signer, told, self._clock())
                self._trace("signed")
                with ledger_session(self._settings) as session:
                    store.mark_signed(session, rollout_id, signed.numbers, owed)
                    store.mark_stuck(session, rollout_id, signed.refused, self._clock())
                    record_assigned(session, signed.numbers, {i.device_id: i.release_id for i in told})
                self._trace("recorded")
            sign_pins(self._settings, self._signer, self._clock())

    def _nudge(self, rollout_id: int, agents: Agents) -> None:
        with ledger_session(self._settings) as session:
            members = store.load(session, rollout_id).state.members.values()
        waiting = [
            m.device_id
            for m in members
            if m.phase in (MemberPhase.TOLD, MemberPhase.LEAVING) and m.signed is not None and m.nudged_at is None
        ]
        heard = agents.nudge(waiting)
        self._trace("nudged")
        if heard:
            with ledger_session(self._settings) as session:
                store.mark_nudged(session, rollout_id, heard, self._clock())

    def _plans_are_here(self, state: State, report: DeviceReport, agents: Agents) -> bool:
        """Whether a canary's engine, if it built one, is signed by now: before that it has not proved for others."""
        member = state.members[report.device_id]
        certificate = report.certificate
        proved = certificate is not None and certificate.proved and certificate.release_id == state.release_id
        if not (report.built and proved and member.canary and member.phase is MemberPhase.TOLD):
            return True
        key = report.hardware.engine_key
        if self._signer.plans_for(state.release_id, key):
            return True
        try:
            with tempfile.TemporaryDirectory(dir=self._settings.home) as folder:
                files = agents.fetch(report.device_id, report.built, Path(folder))
                self._signer.publish_plans(state.release_id, key, files)
        except (ValueError, HerdbookError):
            return False  # the device counts as silent: the next step tries again, the deadline ends it
        return True


def _asked(state: State) -> set[str]:
    """Devices whose word may change something: those told, those whose turn is, or comes next."""
    wave = state.running_wave
    pending = [w.number for w in state.waves if w.phase.value == "pending"]
    up_to = (wave.number if wave is not None else min(pending, default=len(state.waves))) + 1
    return {m.device_id for m in state.members.values() if m.wave <= up_to and m.phase not in _ENDED}


def _instruction(rollout_id: int, state: State, member: Member) -> Instruction:
    leaving = member.phase is MemberPhase.LEAVING
    release_id = member.former if leaving else state.release_id
    assert release_id is not None, "nobody is sent back to nothing"
    return Instruction(
        device_id=member.device_id,
        release_id=release_id,
        engine_key=member.engine_key,
        why=Why.ROLLBACK if leaving else Why.ROLLOUT,
        rollout_id=rollout_id,
        builds=member.canary and not leaving,
        window=None if leaving else state.policy.windows.of(member.farm_id),
    )


def counts(members: Mapping[str, Member]) -> dict[str, int]:
    """Devices by phase, phases that none is in left out."""
    found = {phase.value: sum(m.phase is phase for m in members.values()) for phase in MemberPhase}
    return {phase: number for phase, number in found.items() if number}
