"""Probabilities per step to bouts: the likeliest sequence that does not change its mind without cause."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SWITCH_COST = 4.0
"""Log-probability that a change of behaviour must gain: about what one step gains at 0.9 against 0.02."""


@dataclass(frozen=True)
class Bout:
    """Steps ``first`` to ``last`` (included) of one behaviour, with its mean probability over them."""

    first: int
    last: int
    behaviour: int
    probability: float


def bouts(
    probability: NDArray[np.float64],
    shortest: int,
    switch_cost: float = SWITCH_COST,
    bonus: NDArray[np.float64] | None = None,
) -> list[Bout]:
    """Bouts that partition the steps.

    The sequence maximises the summed log-probabilities less a cost per switch (Viterbi 1967, with all switches alike);
    bouts of fewer than `shortest` steps then join the neighbour whose behaviour is likelier in them.

    Args:
        probability: steps x behaviours, positive.
        shortest: steps.
        switch_cost: natural-log units.
        bonus: per behaviour, added to its log-probability where the likeliest is chosen.
    """
    if not len(probability):
        return []
    score = np.log(np.maximum(probability, 1e-9)) + (0.0 if bonus is None else bonus)
    cuts = _runs(_viterbi(score, switch_cost))
    while len(cuts) > 1:
        lengths = [last - first + 1 for first, last, _ in cuts]
        k = int(np.argmin(lengths))
        if lengths[k] >= shortest:
            break
        first, last, _ = cuts[k]
        near = [j for j in (k - 1, k + 1) if 0 <= j < len(cuts)]
        sums = {j: np.exp(score[first : last + 1, cuts[j][2]]).sum() for j in near}
        heir = cuts[max(near, key=lambda j: sums[j])][2]
        cuts[k] = (first, last, heir)
        cuts = _joined(cuts)
    return [Bout(f, e, b, float(probability[f : e + 1, b].mean())) for f, e, b in cuts]


def _viterbi(score: NDArray[np.float64], cost: float) -> NDArray[np.int64]:
    steps, states = score.shape
    came_from = np.empty((steps, states), np.int64)
    own = np.arange(states)
    best = score[0]
    for i in range(1, steps):
        leader = int(best.argmax())
        switch = best[leader] - cost > best
        came_from[i] = np.where(switch, leader, own)
        best = np.where(switch, best[leader] - cost, best) + score[i]
    path = np.empty(steps, np.int64)
    path[-1] = int(best.argmax())
    for i in range(steps - 1, 0, -1):
        path[i - 1] = came_from[i, path[i]]
    return path


def _runs(path: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    changes = np.flatnonzero(np.diff(path)) + 1
    firsts, lasts = [0, *changes.tolist()], [*(changes - 1).tolist(), len(path) - 1]
    return [(f, e, int(path[f])) for f, e in zip(firsts, lasts, strict=True)]


def _joined(cuts: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    joined: list[tuple[int, int, int]] = []
    for first, last, behaviour in cuts:
        if joined and joined[-1][2] == behaviour:
            joined[-1] = (joined[-1][0], last, behaviour)
        else:
            joined.append((first, last, behaviour))
    return joined
