"""The assignment of tracklets to animals with the greatest total weight in which no crowd holds an animal twice.

Exact for one crowd (the linear assignment problem); for many, which is NP-hard (Arkin & Silverberg 1987), it starts
greedily and re-solves one crowd at a time, the others held fixed, until nothing improves: each step is feasible and
none lowers the total.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from herdbook.matching.exclusion import Floats, Ints, neighbours

NOBODY = -1
MAX_SWEEPS = 8
_NEVER = -1e6


def assign(gain: Floats, together: Sequence[Ints]) -> Ints:
    """Give each tracklet an animal or nobody.

    Args:
        gain: ``[n, m]`` log-odds of each animal against nobody; ``-inf`` where it cannot be.
        together: crowds, as of `exclusion.crowds`.

    Returns:
        ``[n]`` animal, or `NOBODY`. The same input gives the same output.
    """
    excluded = neighbours(len(gain), together)
    choice = _greedy(gain, excluded)
    for _ in range(MAX_SWEEPS):
        improved = False
        for crowd in together:
            if len(crowd) > 1:
                improved |= _improve(choice, gain, crowd, excluded)
        if not improved:
            break
    return choice


def _greedy(gain: Floats, excluded: Sequence[Ints]) -> Ints:
    choice = np.full(len(gain), NOBODY, dtype=np.int64)
    tracklets, animals = np.nonzero(gain > 0)
    order = np.lexsort((animals, tracklets, -gain[tracklets, animals]))
    for i, a in zip(tracklets[order].tolist(), animals[order].tolist(), strict=True):
        if choice[i] == NOBODY and not (choice[excluded[i]] == a).any():
            choice[i] = a
    return choice


def _improve(choice: Ints, gain: Floats, crowd: Ints, excluded: Sequence[Ints]) -> bool:
    """Re-solve one crowd, everybody else fixed."""
    from scipy.optimize import linear_sum_assignment  # half a second, which enrolling does not need

    n, m = len(crowd), gain.shape[1]
    inside = np.zeros(len(choice), dtype=bool)
    inside[crowd] = True
    # own columns after the animals': nobody, at no gain
    weight = np.full((n, m + n), _NEVER)
    weight[:, :m] = np.maximum(gain[crowd], _NEVER)
    for row, i in enumerate(crowd.tolist()):
        outside = excluded[i]
        if len(outside) > n - 1:
            taken = choice[outside[~inside[outside]]]
            weight[row, taken[taken != NOBODY]] = _NEVER
    weight[np.arange(n), m + np.arange(n)] = 0
    before = sum(weight[row, a] for row, a in enumerate(choice[crowd].tolist()) if a != NOBODY)
    rows, columns = linear_sum_assignment(weight, maximize=True)
    if weight[rows, columns].sum() <= before + 1e-9:
        return False
    choice[crowd[rows]] = np.where(columns < m, columns, NOBODY)
    return True
