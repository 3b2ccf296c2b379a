"""What animals have looked like lately: looks of tracklets that were surely theirs, ageing out, night and day apart.

Enrolment shows an animal as it was; animals grow. So the looks of recent tracklets that were claimed for it with great
confidence count as references, too, the less the older they are, and enrolled looks never go. What a pool keeps is one
vector per tracklet, not every embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from herdbook.matching.evidence import Bools, References
from herdbook.matching.exclusion import Floats, Ints

DAY_S = 86_400.0


@dataclass(frozen=True)
class PoolOptions:
    """How long looks count."""

    sure: float = 0.9
    """Least confidence of the claim on a tracklet whose looks enter."""
    days: int = 21
    """Looks older than this are not references."""
    half_life_days: float = 7.0
    """Age at which a look counts half of what it does at first."""
    least: float = 0.05
    """What an enrolled look counts however old it is: the tie to what a person said."""
    per_day: int = 3
    """Looks of an animal, day and light that are kept: those with the most good embeddings."""
    by_light: bool = True
    """Whether night and day are told apart."""


@dataclass(frozen=True)
class Kept:
    """Looks of ``r`` tracklets in one space, and whose they are."""

    animals: Ints
    """``[r]``"""
    mean: Floats
    """``[r, d]``, L2 norm 1."""
    weight: Floats
    """``[r]`` how many good embeddings each has."""
    seen_s: Floats
    """``[r]`` when, seconds since any moment that is the same for all."""
    night: Bools
    """``[r]``"""
    enrolled: Bools
    """``[r]`` whether a person said so."""


def pooled(space_id: str, kept: Kept, now_s: float, options: PoolOptions = PoolOptions()) -> References:
    """References as of a moment.

    Args:
        space_id: the space of all of them.
        kept: enrolled looks, and those of tracklets surely claimed; the latter only from before the moment.
        now_s: the moment, on the clock of ``kept.seen_s``.
        options: how long looks count.
    """
    age = np.maximum(now_s - kept.seen_s, 0) / DAY_S
    stay = np.flatnonzero(kept.enrolled | (age <= options.days))
    best = _best(kept, stay, options)
    weight = np.exp2(-age[best] / options.half_life_days)
    weight = np.where(kept.enrolled[best], np.maximum(weight, options.least), weight)
    night = kept.night[best] if options.by_light else None
    return References(space_id, kept.animals[best], kept.mean[best], weight=np.maximum(weight, 1e-6), night=night)


def _best(kept: Kept, rows: Ints, options: PoolOptions) -> Ints:
    """Of each animal, day and light the looks with the most good embeddings; every enrolled one."""
    day = np.floor(kept.seen_s[rows] / DAY_S).astype(np.int64)
    order = np.lexsort((-kept.weight[rows], kept.night[rows], day, kept.animals[rows]))
    group = np.stack([kept.animals[rows], day, kept.night[rows]], axis=1)[order]
    begins = np.append(True, (group[1:] != group[:-1]).any(axis=1))[: len(order)]
    rank = np.arange(len(order)) - np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    keep = order[(rank < options.per_day) | kept.enrolled[rows][order]]
    return np.asarray(rows[np.sort(keep)], np.int64)


def joined(parts: Sequence[Kept]) -> Kept:
    """Several as one, in their order."""
    return Kept(*(np.concatenate([getattr(part, name) for part in parts]) for name in Kept.__dataclass_fields__))
