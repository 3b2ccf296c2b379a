"""The embedding alignment of a bridge: a map from old space to new, and its error on what it was not made from."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from herdbook.identity.bridge import SpaceMap
from herdbook.learning.bridge.fit import choose, fit, folds
from herdbook.learning.bridge.pairs import Pairs
from herdbook.learning.evaluation.reid import ranks
from herdbook.learning.formats.tracks import Floats, Ints

MIN_PAIRS = 4
MIN_GROUPS = 3
"""Cameras, or else camera days, are held out where there are at least so many; clips where there are two."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """What is known of the way from one space to the other: the columns of `bridge_space`."""

    pairs: int
    method: str | None = None
    held_out: str | None = None
    cosine: float | None = None
    cosine_strangers: float | None = None
    queries: int = 0
    rank1_across: float | None = None
    rank1_within: float | None = None
    map: SpaceMap | None = None


def align(
    clips: Sequence[Pairs], places: Sequence[tuple[str, str, str]], spaces: tuple[str, str] = ("", "")
) -> Alignment:
    """Fit a map and measure it. Every pair is mapped once by a map made without its group; the map that is kept is made
    from all of them.

    Args:
        clips: pairs of each clip.
        places: of each clip its camera, camera day, and own name.
        spaces: names of the two.
    """
    full = [(pairs, place) for pairs, place in zip(clips, places, strict=True) if len(pairs)]
    count = sum(len(pairs) for pairs, _ in full)
    held_out, groups = _groups(full)
    if count < MIN_PAIRS or held_out is None:
        return Alignment(count)
    old = np.concatenate([pairs.old for pairs, _ in full])
    new = np.concatenate([pairs.new for pairs, _ in full])
    mapped = np.empty_like(new)
    for out in folds(groups):
        method = choose(old[~out], new[~out], groups[~out])
        mapped[out] = fit(method, old[~out], new[~out]).apply(old[out], "")
    method = choose(old, new, groups)
    clip = np.repeat(np.arange(len(full)), [len(pairs) for pairs, _ in full])
    track = np.concatenate([pairs.tracks for pairs, _ in full])
    queries, across = _rank1(mapped, new, clip, track)
    _, within = _rank1(new, new, clip, track)
    return Alignment(
        pairs=count,
        method=method.name,
        held_out=held_out,
        cosine=float((mapped * new).sum(axis=1).mean()),
        cosine_strangers=_strangers(mapped, new, clip, track),
        queries=queries,
        rank1_across=across,
        rank1_within=within,
        map=fit(method, old, new, spaces),
    )


def _groups(full: Sequence[tuple[Pairs, tuple[str, str, str]]]) -> tuple[str | None, Ints]:
    """What is held out together: the largest things that there are enough of."""
    levels: list[tuple[str, int, list[Hashable]]] = [
        (name, least, [place[k] for pairs, place in full for _ in range(len(pairs))])
        for k, (name, least) in enumerate((("camera", MIN_GROUPS), ("camera-day", MIN_GROUPS), ("clip", 2)))
    ]
    levels.append(("track", 2, [(place[2], int(t)) for pairs, place in full for t in pairs.tracks]))
    for name, least, keys in levels:
        order = {key: k for k, key in enumerate(dict.fromkeys(keys))}
        if len(order) >= least:
            return name, np.array([order[key] for key in keys], np.int64)
    return None, np.zeros(0, np.int64)


def _rank1(asked: Floats, gallery: Floats, clip: Ints, track: Ints) -> tuple[int, float | None]:
    """Within each clip: is the nearest at another time the same animal? Queries that can be answered, and the share."""
    queries = right = 0.0
    for k in np.unique(clip):
        mine = np.flatnonzero(clip == k)
        similarity = asked[mine] @ gallery[mine].T
        same = track[mine][:, None] == track[mine][None, :]
        np.fill_diagonal(similarity, -np.inf)
        np.fill_diagonal(same, val=False)
        answered, first, _ = ranks(similarity, same)
        queries, right = queries + answered, right + first
    return int(queries), right / queries if queries else None


def _strangers(mapped: Floats, new: Floats, clip: Ints, track: Ints) -> float | None:
    total = count = 0.0
    for k in np.unique(clip):
        mine = np.flatnonzero(clip == k)
        other = track[mine][:, None] != track[mine][None, :]
        total += float((mapped[mine] @ new[mine].T)[other].sum())
        count += float(other.sum())
    return total / count if count else None
