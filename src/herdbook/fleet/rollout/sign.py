"""Turning what was decided into signed assignments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from herdbook.contracts.assignment import Assignment, TargetFile, Why, Window, pool_target
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


@dataclass(frozen=True)
class Signed:
    """Numbers of the assignments that were signed, and why others could not be, each by device."""

    numbers: Mapping[str, int]
    refused: Mapping[str, str]


def sign(signer: Signer, instructions: Sequence[Instruction], now: datetime) -> Signed:
    """Sign a batch. Signing one again gives it a higher number: the device takes up the same release, and stays.

    A canary builds its engine even where one was signed: it brings what others can be compared with. Pools of a
    device's animals stay with it. An instruction whose release was never signed is refused, the others are signed.
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
    refused: dict[str, str] = {}
    for told in instructions:
        files = files_of(told.release_id)
        if files is None:
            refused[told.device_id] = (
                f"release '{told.release_id}' was never signed: the device cannot be told to run it"
            )
            continue
        before = present.get(told.device_id)
        pools = pool_target(told.device_id, "")
        assignments.append(
            Assignment(
                device_id=told.device_id,
                number=1 if before is None else before.number + 1,
                release_id=told.release_id,
                files=(
                    *files,
                    *plans(told.release_id, told.engine_key),
                    *(file for file in (before.files if before else ()) if file.path.startswith(pools)),
                ),
                why=told.why,
                rollout_id=told.rollout_id,
                builds=told.builds,
                window=told.window,
                issued_at=now,
            )
        )
    if assignments:
        signer.assign(assignments)
    return Signed({assignment.device_id: assignment.number for assignment in assignments}, refused)
