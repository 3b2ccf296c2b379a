"""Kappa: agreement of two observers beyond chance; weighted, where scores are ordered and a near miss is half a hit.

Cohen 1960 (doi:10.1177/001316446002000104), weighted Cohen 1968 (doi:10.1037/h0026256); the error is that of Fleiss,
Cohen & Everitt 1969 (doi:10.1037/h0028106), equation 13. Quadratic weights make it nearly the intraclass correlation
(Fleiss & Cohen 1973, doi:10.1177/001316447303300309).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from herdbook.errors import EstimationError
from herdbook.studies.estimate.columns import Column, Floats
from herdbook.studies.estimate.icc import Agreement

Weights = Literal["none", "linear", "quadratic"]


def kappa(
    first: Column, second: Column, categories: Sequence[Any], weights: Weights = "none", level: float = 0.95
) -> Agreement:
    """Agreement of two observers on the same animals.

    Args:
        first, second: each observer's score of each animal.
        categories: every score that can be given, in order. Weights go by place in this order, not by value: for
            scales with half points name every half point.
        weights: "none", or credit for near misses that falls linearly or with the square of the distance.
        level: of the interval, between 0 and 1.

    Raises:
        EstimationError: lengths differ, a score is not among the categories, there is no animal, or both observers
            gave every animal the same score.
    """
    place = {category: k for k, category in enumerate(categories)}
    pairs = [list(c.to_pylist() if hasattr(c, "to_pylist") else c) for c in (first, second)]
    if len(pairs[0]) != len(pairs[1]):
        raise EstimationError(f"One observer scored {len(pairs[0])} animals, the other {len(pairs[1])}.")
    unknown = sorted({str(score) for scores in pairs for score in scores if score not in place})
    if unknown:
        raise EstimationError(f"Scores that are not among the categories: {', '.join(unknown)}.")
    counts = np.zeros((len(categories), len(categories)))
    np.add.at(counts, tuple(np.array([place[score] for score in scores], np.int64) for scores in pairs), 1)
    return kappa_of_table(counts, credit(len(categories), weights), level)


def credit(categories: int, weights: Weights) -> Floats:
    """(categories, categories) credit for each pair of scores, 1 on the diagonal, 0 for the farthest miss."""
    apart = np.abs(np.subtract.outer(np.arange(categories), np.arange(categories))) / max(categories - 1, 1)
    table: Floats = {"none": (apart == 0).astype(np.float64), "linear": 1 - apart, "quadratic": 1 - apart**2}[weights]
    return table


def kappa_of_table(counts: npt.ArrayLike, credits: npt.ArrayLike, level: float = 0.95) -> Agreement:
    """Kappa of a table of counts.

    Args:
        counts: (categories, categories) animals by the first observer's score and the second's.
        credits: (categories, categories) credit for each pair, 1 where they agree.
        level: of the interval, estimate ± normal quantile times error, cut to -1..1.

    Raises:
        EstimationError: no animal, or chance alone gives full agreement.
    """
    table, w = np.asarray(counts, np.float64), np.asarray(credits, np.float64)
    n = table.sum()
    if n == 0:
        raise EstimationError("No animal was scored by both observers.")
    p = table / n
    row, column = p.sum(axis=1), p.sum(axis=0)
    observed, chance = (w * p).sum(), row @ w @ column
    if chance >= 1 - 1e-12:
        raise EstimationError("Both observers gave every animal the same score: agreement beyond chance is undefined.")
    value = (observed - chance) / (1 - chance)
    mean = (w @ column)[:, None] + (row @ w)[None, :]
    moment = (p * (w * (1 - chance) - mean * (1 - observed)) ** 2).sum()
    variance = (moment - (observed * chance - 2 * chance + observed) ** 2) / (n * (1 - chance) ** 4)
    reach = stats.norm.ppf((1 + level) / 2) * np.sqrt(max(variance, 0))
    return Agreement(float(value), float(max(-1, value - reach)), float(min(1, value + reach)), int(n), 2)
