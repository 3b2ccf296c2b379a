"""Turning what was decided into signed assignments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from herdbook.contracts.assignment import Assignment, TargetFile, Why, Window
from herdbook.contracts.release import FIRST_RELEASE
from herdbook.errors import NotFoundError, NotSignedError
from herdbook.fleet.rollout.signer import Signer


@dataclass(frozen=True)
class Instruction:
    """That a device is to run a release from now on."""

    device_id: str
    release_id: str
    engine_key: str
    why: Why
    rollout_id: int | None = None
    builds: bool = False
    window: Window | None = None

    @property
    def needs_no_files(self) -> bool:
        """Whether it sends the device back to the engine that it began with: that one needs no signed release."""
        return self.why is Why.ROLLBACK and self.release_id == FIRST_RELEASE


@dataclass(frozen=True)
class Signed:
    """Numbers of the assignments that were signed, and why others could not be, each by device."""

    numbers: Mapping[str, int]
    refused: Mapping[str, str]


def sign(signer: Signer, instructions: Sequence[Instruction], now: datetime) -> Signed:
    """Sign a batch, all at once. What is signed so already, by a driver that was killed before it could say so, is not
    signed again.

    Pools of a device's animals go with every assignment of a release. An instruction whose release was never signed is
    refused, the others are signed.
    """

    @cache
    def files_of(release_id: str) -> tuple[TargetFile, ...] | None:
        try:
            return signer.release_files(release_id)
        except (NotFoundError, NotSignedError):
            return None

    plans = cache(signer.plans_for)
    present = signer.present([instruction.device_id for instruction in instructions])
    assignments: list[Assignment] = []
    numbers: dict[str, int] = {}
    refused: dict[str, str] = {}
    for told in instructions:
        files = () if told.needs_no_files else files_of(told.release_id)
        if files is None:
            refused[told.device_id] = (
                f"release '{told.release_id}' was never signed: the device cannot be told to run it"
            )
            continue
        before = present.get(told.device_id)
        if before is not None and _says(before, told):
            numbers[told.device_id] = before.number
            continue
        assignments.append(
            Assignment(
                device_id=told.device_id,
                number=1 if before is None else before.number + 1,
                release_id=told.release_id,
                files=(
                    *files,
                    *plans(told.release_id, told.engine_key),
                    *signer.pools(told.device_id, before),
                )
                if files
                else (),
                why=told.why,
                rollout_id=told.rollout_id,
                builds=told.builds,
                window=told.window,
                issued_at=now,
            )
        )
    if assignments:
        signer.assign(assignments)
    return Signed(numbers | {assignment.device_id: assignment.number for assignment in assignments}, refused)


def _says(assignment: Assignment, told: Instruction) -> bool:
    """Whether an assignment is this very instruction. Those of pins belong to no rollout: a newer one may repeat it."""
    names = ("release_id", "why", "rollout_id", "builds", "window")
    return told.rollout_id is not None and all(getattr(assignment, name) == getattr(told, name) for name in names)
