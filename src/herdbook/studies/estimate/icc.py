"""ICC(2,1): how alike are two observers' scores of one animal, observers being any of many.

Animals and observers are both drawn at random, every observer scores every animal once, and a difference in level
between observers counts against them (absolute agreement). Shrout & Fleiss 1979 (doi:10.1037/0033-2909.86.2.420),
case 2; McGraw & Wong 1996 (doi:10.1037/1082-989X.1.1.30) call it ICC(A,1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from herdbook.errors import EstimationError


@dataclass(frozen=True)
class Agreement:
    """A coefficient of agreement: 1 is perfect, 0 is chance."""

    value: float
    low: float
    high: float
    subjects: int
    observers: int


def icc(scores: npt.ArrayLike, level: float = 0.95) -> Agreement:
    """ICC(2,1) with its F interval.

    With mean squares of animals (B), observers (J) and the rest (E), n animals and k observers it is
    (B - E) / (B + (k - 1) E + k (J - E) / n). The interval uses Satterthwaite's degrees of freedom as Shrout & Fleiss
    do (1979, p. 424; after Fleiss & Shrout 1978, doi:10.1007/BF02293867).

    Args:
        scores: (animals, observers), no value missing.
        level: of the interval, between 0 and 1.

    Raises:
        EstimationError: fewer than two animals or observers, a value is missing, or all scores are the same.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise EstimationError(f"Scores have shape {table.shape}: agreement needs two animals and two observers.")
    if not np.isfinite(table).all():
        raise EstimationError(
            "Some observers did not score some animals.", "Keep the animals that every observer scored; say how many."
        )
    n, k = table.shape
    mean = table.mean()
    between = k * ((table.mean(axis=1) - mean) ** 2).sum() / (n - 1)
    judges = n * ((table.mean(axis=0) - mean) ** 2).sum() / (k - 1)
    residual = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + mean
    error = (residual**2).sum() / ((n - 1) * (k - 1))
    spread = between + (k - 1) * error + k * (judges - error) / n
    if spread <= 0:
        raise EstimationError("All scores are the same: agreement cannot be told from a lack of differences.")
    value = float((between - error) / spread)
    if error <= 1e-12 * spread and judges <= 1e-12 * spread:
        return Agreement(1.0, 1.0, 1.0, n, k)
    degrees = _degrees(value, judges, error, n, k)
    upper = stats.f.ppf((1 + level) / 2, n - 1, degrees)
    lower = stats.f.ppf((1 + level) / 2, degrees, n - 1)
    rest = k * judges + (k * n - k - n) * error
    low = n * (between - upper * error) / (upper * rest + n * between)
    high = n * (lower * between - error) / (rest + n * lower * between)
    return Agreement(value, float(low), float(high), n, k)


def _degrees(value: float, judges: float, error: float, n: int, k: int) -> float:
    """Of the mixture of mean squares that the animals' is compared with."""
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    return float((a * judges + b * error) ** 2 / ((a * judges) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))))
