"""How sure an assignment is: the marginal probability of each choice, given that no crowd holds an animal twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from herdbook.matching.assign import NOBODY
from herdbook.matching.exclusion import Floats, Ints

ITERATIONS = 50
_CONVERGED = 1e-6


def marginals(gain: Floats) -> Floats:
    """Marginal probabilities of one crowd, by belief propagation (Williams & Lau 2014, IEEE T-AES 50(4)).

    Args:
        gain: ``[n, m]`` log-odds of each animal against nobody, ``-inf`` where it cannot be.

    Returns:
        ``[n, m + 1]``; the last column is nobody. Rows sum to 1. Exact for one tracklet, close for crowds.
    """
    odds = np.exp(np.clip(gain, -700, 60))
    odds[~np.isfinite(gain)] = 0
    free = np.ones_like(odds)
    for _ in range(ITERATIONS):
        weighed = odds * free
        to_animal = odds / (1 + np.maximum(weighed.sum(axis=1, keepdims=True) - weighed, 0))
        now_free = 1 / (1 + np.maximum(to_animal.sum(axis=0, keepdims=True) - to_animal, 0))
        moved = float(np.abs(now_free - free).max(initial=0))
        free = now_free
        if moved < _CONVERGED:
            break
    weighed = np.concatenate([odds * free, np.ones((len(odds), 1))], axis=1)
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))


def probabilities(gain: Floats, together: Sequence[Ints]) -> Floats:
    """Probability of each animal on each tracklet, by the crowd in which the tracklet is least sure.

    Args:
        gain: ``[n, m]`` log-odds of each animal against nobody.
        together: crowds, as of `exclusion.crowds`.

    Returns:
        ``[n, m + 1]``; the last column is nobody. Rows sum to 1.
    """
    alone = [marginals(gain[i : i + 1])[0] for i in range(len(gain))]
    found = np.array(alone, dtype=np.float64).reshape(len(gain), gain.shape[1] + 1)
    for crowd in together:
        if len(crowd) > 1:
            here = marginals(gain[crowd])
            less = here.max(axis=1) < found[crowd].max(axis=1)
            found[crowd[less]] = here[less]
    return found


def confidences(gain: Floats, choice: Ints, together: Sequence[Ints]) -> Floats:
    """Probability that each choice is right, by the crowd in which it is least sure.

    Args:
        gain: ``[n, m]`` log-odds of each animal against nobody.
        choice: ``[n]`` animal, or nobody.
        together: crowds, as of `exclusion.crowds`.

    Returns:
        ``[n]`` in 0..1; for nobody, the probability that it is none of the enrolled animals.
    """
    column = np.where(choice == NOBODY, gain.shape[1], choice)
    sure = np.array([marginals(gain[i : i + 1])[0, column[i]] for i in range(len(gain))], dtype=np.float64)
    for crowd in together:
        if len(crowd) > 1:
            sure[crowd] = np.minimum(sure[crowd], marginals(gain[crowd])[np.arange(len(crowd)), column[crowd]])
    return np.clip(sure, 0, 1)
