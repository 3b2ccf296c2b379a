"""Who cannot be who: two tracklets seen at once in one camera, or in cameras that share no spot, are two animals.

Everything else here works on *crowds*: sets of tracklets of which any two are different animals. Every pair that
excludes each other is together in at least one crowd.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

HANDOVER_S = 0.5
"""Tracklets of one camera that overlap by no more may be one animal, handed over by the tracker."""


def camera_groups(cameras: Iterable[str], disjoint: Collection[frozenset[str]]) -> list[frozenset[str]]:
    """Largest sets of cameras of which any two are declared disjoint (maximal cliques, Bron & Kerbosch 1973).

    Args:
        cameras: every camera.
        disjoint: pairs of cameras that never see the same spot.
    """
    names = sorted(set(cameras))
    friends = {c: {d for d in names if frozenset((c, d)) in disjoint and c != d} for c in names}
    found: list[frozenset[str]] = []

    def grow(chosen: frozenset[str], candidates: set[str], excluded: set[str]) -> None:
        if not candidates and not excluded:
            found.append(chosen)
            return
        pivot = max(sorted(candidates | excluded), key=lambda c: len(friends[c] & candidates))
        for c in sorted(candidates - friends[pivot]):
            grow(chosen | {c}, candidates & friends[c], excluded & friends[c])
            candidates = candidates - {c}
            excluded = excluded | {c}

    if names:
        grow(frozenset(), set(names), set())
    return sorted(found, key=sorted)


def crowds(
    camera: Sequence[str], start: Floats, end: Floats, groups: Sequence[frozenset[str]], tolerance_s: float
) -> list[Ints]:
    """Maximal sets of tracklets that exclude each other, in the order of time.

    Args:
        camera: ``[n]`` camera of each tracklet.
        start: ``[n]`` seconds.
        end: ``[n]`` seconds, later than ``start``.
        groups: sets of pairwise disjoint cameras, as of `camera_groups`.
        tolerance_s: tracklets that overlap by no more may be one animal, handed over by the tracker.

    Returns:
        Ascending indices of each crowd; a tracklet that overlaps nobody is a crowd of its own, one no longer than the
        tolerance is in none.
    """
    last = end - tolerance_s  # intervals cut short by the tolerance overlap exactly where the whole ones do by more
    cameras = np.asarray(camera, dtype=object)
    found: dict[tuple[int, ...], None] = {}
    for group in groups:
        members = np.flatnonzero(np.isin(cameras, list(group)) & (last > start))
        for crowd in _interval_cliques(members, start, last):
            found[crowd] = None
    return [np.array(crowd, dtype=np.int64) for crowd in found]


def _interval_cliques(members: Ints, start: Floats, end: Floats) -> Iterable[tuple[int, ...]]:
    """Maximal cliques of an interval graph: whoever is there just before somebody leaves, after somebody came."""
    # at the same instant leaving comes before coming: intervals are half open
    events = sorted([(start[i], 1, i) for i in members] + [(end[i], 0, i) for i in members])
    present: set[int] = set()
    grown = False
    for _, comes, i in events:
        if comes:
            present.add(int(i))
            grown = True
            continue
        if grown:
            yield tuple(sorted(present))
            grown = False
        present.discard(int(i))


def neighbours(n: int, together: Sequence[Ints]) -> list[Ints]:
    """For each of ``n`` tracklets, ascending indices of those it cannot share an animal with."""
    found: list[set[int]] = [set() for _ in range(n)]
    for crowd in together:
        members = crowd.tolist()
        for i in members:
            found[i].update(members)
    return [np.array(sorted(others - {i}), dtype=np.int64) for i, others in enumerate(found)]


def violations(choice: Ints, together: Sequence[Ints]) -> list[tuple[int, int]]:
    """Pairs that exclude each other but were given the same animal (``choice`` -1 is nobody)."""
    bad: set[tuple[int, int]] = set()
    for crowd in together:
        for i, j in combinations(crowd.tolist(), 2):
            if choice[i] >= 0 and choice[i] == choice[j]:
                bad.add((i, j))
    return sorted(bad)
