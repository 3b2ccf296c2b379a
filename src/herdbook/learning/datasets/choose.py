"""Which frames to take: even over the strata, what teaches most first, nothing twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from herdbook.learning.datasets.candidates import Candidate
from herdbook.learning.datasets.clips import Clip
from herdbook.learning.datasets.look import Seen
from herdbook.learning.datasets.plan import DatasetPlan, Split


def choose(
    clips: Sequence[Clip], sides: Sequence[Split | None], candidates: Sequence[Candidate], plan: DatasetPlan
) -> list[Candidate]:
    """Frames in the order in which they are worth taking, so that a quota of bytes may cut the end.

    Each side of the split gets its share of ``plan.frames``. Within a side the strata take turns; a stratum gives those
    labelled by people first, then those of the largest disagreement, the others by chance. A frame near one that was
    taken of the same camera is passed over, across sides too.
    """
    seen: dict[tuple[str, str], Seen] = defaultdict(lambda: Seen(plan.near, plan.near_step))
    chosen: dict[Split, list[Candidate]] = {}
    for side in Split:
        mine = [c for c in candidates if sides[c.clip] is side]
        chosen[side] = _even(clips, mine, round(plan.frames * _share(sides, plan, side)), plan, seen)
    return _interleaved(chosen)


def _share(sides: Sequence[Split | None], plan: DatasetPlan, side: Split) -> float:
    """The side's share among the sides that there are: a suite may fix others than were asked for."""
    there = {s for s in sides if s is not None}
    asked = {s: plan.shares.get(s, 0.0) for s in there}
    total = sum(asked.values())
    return asked.get(side, 0.0) / total if total else 0.0


def _even(
    clips: Sequence[Clip],
    candidates: Sequence[Candidate],
    quota: int,
    plan: DatasetPlan,
    seen: dict[tuple[str, str], Seen],
) -> list[Candidate]:
    rng = np.random.default_rng(plan.seed)
    chance = rng.permutation(len(candidates))
    strata: dict[tuple[str, ...], list[tuple[float, int, Candidate]]] = defaultdict(list)
    for number, candidate in zip(chance.tolist(), candidates, strict=True):
        worth = 2.0 if candidate.wanted else candidate.disagreement or 0.0
        strata[candidate.stratum(clips[candidate.clip], plan)].append((-worth, number, candidate))
    turns = [iter([c for *_, c in sorted(rows, key=lambda row: row[:2])]) for _, rows in sorted(strata.items())]
    taken: list[Candidate] = []
    while turns and len(taken) < quota:
        going = []
        for turn in turns:
            if len(taken) == quota:
                break
            for candidate in turn:
                clip = clips[candidate.clip]
                memory = seen[clip.device_id, clip.camera_id]
                if candidate.wanted or not memory.is_near(candidate.look):
                    memory.add(candidate.look)
                    taken.append(candidate)
                    going.append(turn)
                    break
        turns = going
    return taken


def _interleaved(chosen: dict[Split, list[Candidate]]) -> list[Candidate]:
    """Sides in proportion, so that whatever is cut off the end leaves the shares as they are."""
    placed = [
        ((k + 0.5) / len(rows), side.value, k, row) for side, rows in chosen.items() for k, row in enumerate(rows)
    ]
    return [row for *_, row in sorted(placed, key=lambda item: item[:3])]
