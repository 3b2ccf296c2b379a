"""How many animals a release holds a clip's tracklets for, by its own embeddings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STRANGERS = 0.95
"""Two tracklets are one animal where they look more alike than this share of those that are certainly two."""


def count_identities(looks: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]) -> int:
    """Groups into which N tracklets of one camera fall.

    Who is seen at the same time by one camera is not one animal; how alike such strangers look is the measure, so that
    spaces of any scale are counted by the same rule. Tracklets are joined from the most alike pair on, by the mean of
    their similarities, never two that were seen together. Where no two ever were, nothing tells animals apart, and
    every tracklet counts.

    Args:
        looks: [N, D], one mean embedding per tracklet; any length.
        start: [N], seconds.
        end: [N], seconds.
    """
    count = len(looks)
    together = (start[:, None] < end[None, :]) & (start[None, :] < end[:, None])
    strangers = np.triu(together, 1)
    if not strangers.any():
        return count
    unit = looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-12)
    alike = unit @ unit.T
    least = float(np.quantile(alike[strangers], _STRANGERS))
    weight = np.ones(count)
    apart = together | np.eye(count, dtype=bool)
    groups = count
    while True:
        allowed = np.where(apart, -np.inf, alike)
        one, other = divmod(int(allowed.argmax()), count)
        if allowed[one, other] <= least:
            return groups
        mean = (weight[one] * alike[one] + weight[other] * alike[other]) / (weight[one] + weight[other])
        alike[one], alike[:, one] = mean, mean
        apart[one] |= apart[other]
        apart[:, one] = apart[one]
        apart[other], apart[:, other] = True, True  # it is part of the first now
        weight[one] += weight[other]
        groups -= 1
