"""A rollout as plain values: what `herdbook.fleet.rollout.advance` decides on, without a ledger or a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from herdbook.contracts.activation import Drift
from herdbook.fleet.rollout.policy import Policy
from herdbook.ledger.rollouts import MemberPhase, RolloutPhase, WavePhase

REACHED = frozenset({MemberPhase.TOLD, MemberPhase.PROVED, MemberPhase.FAILED})
"""Devices that may hold the release, or may take it up any moment."""
OVER = frozenset({RolloutPhase.STOPPED, RolloutPhase.ABORTED})
"""Final: no device is told the release any more."""


@dataclass(frozen=True)
class Member:
    """A device in a rollout; fields as in `herdbook.ledger.rollouts.RolloutDevice`."""

    device_id: str
    farm_id: str
    timezone: str
    wave: int
    sku: str = ""
    engine_key: str = ""
    canary: bool = False
    former: str | None = None
    phase: MemberPhase = MemberPhase.PENDING
    reason: str = ""
    told_at: datetime | None = None
    signed: int | None = None
    nudged_at: datetime | None = None
    proved_at: datetime | None = None
    well_at: datetime | None = None
    missed_at: datetime | None = None
    failed_at: datetime | None = None
    drift: Drift | None = None

    @property
    def owed(self) -> bool:
        """Whether an instruction was decided that is not signed yet."""
        return self.phase in (MemberPhase.TOLD, MemberPhase.LEAVING) and self.signed is None

    def became(self, phase: MemberPhase, reason: str = "", **changes: Any) -> Member:
        """The same device in another phase."""
        return replace(self, phase=phase, reason=reason, **changes)


@dataclass(frozen=True)
class Wave:
    """Devices told at once."""

    number: int
    phase: WavePhase = WavePhase.PENDING
    began_at: datetime | None = None
    ended_at: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Assigned:
    """A signed assignment of a device."""

    number: int
    release_id: str


@dataclass(frozen=True)
class State:
    """A rollout at a moment. ``gone``: devices that are retired; ``pins``: releases that people fixed, by device;
    ``assigned``: the newest assignment that was signed for a device, by whomever."""

    release_id: str
    policy: Policy
    phase: RolloutPhase
    waves: tuple[Wave, ...]
    members: Mapping[str, Member]
    rolls_back: bool = True
    reason: str = ""
    pins: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    assigned: Mapping[str, Assigned] = field(default_factory=dict)

    @property
    def to_sign(self) -> dict[str, Member]:
        """Devices whose instruction is to be signed, as things stand: one that was pinned or retired since it was
        decided is left alone, and nobody is told a release whose rollout is over."""
        return {
            name: member
            for name, member in self.members.items()
            if member.owed
            and name not in self.pins
            and name not in self.gone
            and not (member.phase is MemberPhase.TOLD and self.phase in OVER)
        }

    @property
    def running_wave(self) -> Wave | None:
        """The wave in flight: there is one at most."""
        return next((wave for wave in self.waves if wave.phase is WavePhase.RUNNING), None)

    def settled(self, now: datetime) -> bool:
        """Whether nothing is left to be done but for devices that are away, or silent for longer than a wave waits:
        those go back by themselves when they are there again."""
        if self.phase not in OVER and self.phase is not RolloutPhase.DONE:
            return False
        patience = timedelta(hours=self.policy.hours.wave)
        return not any(
            member.owed
            or member.phase is MemberPhase.TOLD
            or (member.phase is MemberPhase.LEAVING and member.told_at is not None and now - member.told_at <= patience)
            for member in self.members.values()
        )


@dataclass(frozen=True)
class Decision:
    """Something decided, as `herdbook.ledger.rollouts.RolloutEvent` keeps it."""

    what: str
    said: str
    wave: int | None = None
    device_id: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """What a rollout has become, and the decisions that led there."""

    state: State
    decisions: tuple[Decision, ...]
