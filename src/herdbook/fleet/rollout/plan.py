"""Who goes first, and who with whom."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import count

from herdbook.fleet.rollout.policy import Canaries, Policy, Waves
from herdbook.fleet.rollout.state import Member, Wave
from herdbook.ledger.rollouts import MemberPhase


@dataclass(frozen=True)
class Candidate:
    """A device that may get the release. ``answers``: whether it did just now."""

    member: Member
    answers: bool


def plan(
    policy: Policy, candidates: Sequence[Candidate], skus: Collection[str] | None = None
) -> tuple[dict[str, Member], tuple[Wave, ...]]:
    """Put every device into a wave: canaries into wave 0, the others by farm and name.

    Args:
        policy: how many at once.
        candidates: every device in service.
        skus: kinds that the release is for; None where that is not known.

    Returns:
        Members by device, and the waves. Devices that the release is not for are members too, and skipped.
    """
    fit = [c for c in candidates if skus is None or not c.member.sku or c.member.sku in skus]
    members = {
        c.member.device_id: c.member.became(MemberPhase.SKIPPED, f"the release has no recipe for {c.member.sku}")
        for c in candidates
        if c not in fit
    }
    first = _canaries(policy.canaries, [c for c in fit if c.member.phase is MemberPhase.PENDING])
    rest = [c.member for c in fit if c.member.device_id not in first]
    members |= {device_id: replace(member, wave=0, canary=True) for device_id, member in first.items()}
    number = 0
    for number, wave in enumerate(_waves(policy.waves, rest), start=1):
        members |= {member.device_id: replace(member, wave=number) for member in wave}
    return members, tuple(Wave(n) for n in range(number + 1))


def _canaries(policy: Canaries, candidates: Sequence[Candidate]) -> dict[str, Member]:
    """Of each group those that answer before those that do not, then by name."""
    chosen: dict[str, Member] = {}
    groups: Counter[tuple[str, ...]] = Counter()
    for candidate in sorted(candidates, key=lambda c: (not c.answers, c.member.device_id)):
        member = candidate.member
        said = {"engine_key": member.engine_key, "sku": member.sku, "farm": member.farm_id}
        group = tuple(said[name] for name in policy.per)
        # A device of which nothing is known yet cannot stand for others.
        if member.engine_key and groups[group] < policy.count:
            groups[group] += 1
            chosen[member.device_id] = member
    return chosen


def _waves(policy: Waves, members: Sequence[Member]) -> list[list[Member]]:
    """Cut into waves so that none takes more of a farm or SKU than allowed; at least one of each fits."""
    farms = Counter(member.farm_id for member in members)
    most = {
        farm: policy.by_farm.get(farm, max(1, math.floor(policy.most_of_farm * size))) for farm, size in farms.items()
    }
    left = sorted(members, key=lambda member: (member.farm_id, member.device_id))
    waves: list[list[Member]] = []
    for number in count():
        if not left:
            break
        size = policy.sizes[min(number, len(policy.sizes) - 1)]
        of_farm: Counter[str] = Counter()
        of_sku: Counter[str] = Counter()
        wave: list[Member] = []
        for member in left:
            room = of_sku[member.sku] < policy.by_sku.get(member.sku, size)
            if len(wave) < size and of_farm[member.farm_id] < most[member.farm_id] and room:
                of_farm[member.farm_id] += 1
                of_sku[member.sku] += 1
                wave.append(member)
        taken = {member.device_id for member in wave}
        left = [member for member in left if member.device_id not in taken]
        waves.append(wave)
    return waves
