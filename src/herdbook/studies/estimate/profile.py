"""Intervals and tests by the likelihood itself, which with few cases are better than Wald's.

A profile interval holds the values that a likelihood ratio test would not refuse (Venzon & Moolgavkar 1988,
doi:10.2307/2347496). Its ends are where the signed root of the ratio, which is nearly a straight line in the
coefficient, is the normal quantile; Newton's method on that root needs a handful of fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from herdbook.errors import ConvergenceError, EstimationError, SeparationError
from herdbook.studies.estimate.columns import Floats, Ints
from herdbook.studies.estimate.fit import Fit
from herdbook.studies.estimate.newton import maximise

_CLOSE = 1e-7
_STEPS = 40
_FAR = 100.0
"""Errors from the estimate beyond which an end is infinite."""


@dataclass(frozen=True)
class Test:
    """A likelihood ratio test."""

    __test__ = False  # not one of pytest's

    statistic: float
    """Twice the difference of log likelihoods."""
    degrees: int
    p: float


def ratio_test(fit: Fit, *names: str) -> Test:
    """Whether some coefficients are all 0 (Wilks 1938, doi:10.1214/aoms/1177732360); all of them if none is named.

    Raises:
        EstimationError: no such covariate, or the fit was weighted: a pseudo-likelihood's ratio is not chi-squared.
    """
    _refuse_weights(fit)
    tested = [fit.index(name) for name in names] or list(range(len(fit.names)))
    free = np.setdiff1d(np.arange(len(fit.names)), tested)
    start = _at(fit)
    start[tested] = 0
    value = maximise(fit.likelihood, start, free).point.value
    statistic = max(0.0, 2 * (fit.value - value))
    return Test(statistic, len(tested), float(stats.chi2.sf(statistic, len(tested))))


def profile_interval(fit: Fit, name: str, level: float = 0.95) -> tuple[float, float]:
    """Both ends of a coefficient's interval; infinite where the likelihood never falls low enough.

    It rests on the model: clusters are taken no notice of.

    Args:
        fit: unweighted.
        name: the covariate.
        level: between 0 and 1.

    Raises:
        EstimationError: no such covariate, or the fit was weighted.
        ConvergenceError: an end was not found.
    """
    _refuse_weights(fit)
    k = fit.index(name)
    reach = float(stats.norm.ppf((1 + level) / 2))
    error = float(np.sqrt(fit.model[k, k])) * fit.scale[k]
    low, high = (_end(fit, k, side, reach, error) / fit.scale[k] for side in (-1.0, 1.0))
    return float(low), float(high)


def _end(fit: Fit, k: int, side: float, reach: float, error: float) -> float:
    best = _at(fit)
    free: Ints = np.delete(np.arange(len(best)), k)
    there = best.copy()
    distance, near, far = reach * error, 0.0, np.inf
    for _ in range(_STEPS):
        there[k] = best[k] + side * distance
        try:
            found = maximise(fit.likelihood, there, free)
        except SeparationError:  # the others run away when this one is held far off: the end is nearer
            far, distance = distance, (near + distance) / 2
            continue
        root = float(np.sqrt(max(0.0, 2 * (fit.value - found.point.value))))
        if abs(root - reach) < _CLOSE:
            return float(there[k])
        near, far = (distance, far) if root < reach else (near, distance)
        slope = -side * float(found.point.score[k]) / root if root > 0 else 0.0
        distance = distance + (reach - root) / slope if slope > 0 else 2 * distance
        if not near < distance < far:
            distance = (near + far) / 2 if np.isfinite(far) else 2 * near
        if distance > _FAR * error:
            return side * np.inf
        there = found.beta.copy()
    raise ConvergenceError(f"No end of the profile interval of {fit.names[k]} after {_STEPS} steps.")


def _at(fit: Fit) -> Floats:
    at: Floats = fit.coefficients * fit.scale
    return at


def _refuse_weights(fit: Fit) -> None:
    if fit.weighted:
        raise EstimationError(
            "A weighted fit has no likelihood ratio: its weights are no frequencies.",
            "Use the robust (Wald) errors of the weighted fit.",
        )
