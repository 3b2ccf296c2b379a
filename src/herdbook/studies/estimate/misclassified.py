"""Ratios where some cases are none: false labels come at a rate that has nothing to do with the exposure.

Of rows at risk together, the rate of labels is the true rate plus that of false labels, in proportion
``exp(x beta) + kappa``. A case is then right with chance ``w = exp(x beta) / (exp(x beta) + kappa)``, and both

    sum over cases of w (x - mean of x among its set, weighed by exp(x beta)) = 0
    mean over cases of w = the predictive value

have expectation 0 at the truth: the first because the true cases among the labelled are an ordinary sample of risk
sets (Prentice & Breslow 1978, doi:10.1093/biomet/65.1.153). Both are solved at once; errors are the sandwich's of both.
True cases that nobody labelled are as many in every exposure: they make cases fewer, not the ratio wrong, as long as
they are rare among those at risk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from herdbook.errors import EstimationError, NotIdentifiedError
from herdbook.studies.estimate.columns import Bools, Column, Covariates, Floats, Ints, codes, design, flags, summed

_SURE = 0.9999
"""A predictive value of 1 would put kappa at 0, whose logarithm is not there."""
_FARTHEST = 30.0
_CONDITION = 1e12


@dataclass(frozen=True, eq=False)
class Corrected:
    """Log ratios if a share of the cases is right."""

    names: tuple[str, ...]
    coefficients: Floats
    """(covariates,) per unit."""
    covariance: Floats
    """(covariates, covariates)."""


def misclassified(
    covariates: Covariates, case: Column, sets: Column, predictive_value: float, *, clusters: Column | None = None
) -> Corrected:
    """Log ratios within sets of rows that are compared, if a share of the labelled cases are cases.

    Args:
        covariates: columns by name.
        case: 1 or true where the row was labelled.
        sets: rows that are compared: matched sets, or those at risk at one time (several cases share them, as in
            Breslow's ties).
        predictive_value: share of labelled cases that are cases, above 0 up to 1.
        clusters: of robust errors; the sets if omitted.

    Raises:
        EstimationError: values are missing, or no ratio fits so many false labels.
        NotIdentifiedError: covariates follow from each other.
    """
    given = design(covariates)
    rows = len(given.values)
    labelled = flags("case", case, rows)
    member, count = codes("sets", sets, rows)
    both = np.bincount(member, labelled, minlength=count) > 0
    kept = both[member] & (np.bincount(member, minlength=count)[member] > 1)
    group, groups = codes("clusters", sets if clusters is None else clusters, rows)
    member = np.unique(member[kept], return_inverse=True)[1]
    labelled, group, raw = labelled[kept], group[kept], given.values[kept]
    if not labelled.any():
        raise EstimationError("No set has both a case and others to compare it with.")
    spread = raw.std(axis=0)
    if (spread == 0).any():
        raise EstimationError("A covariate is the same in every row.")
    x = (raw - raw.mean(axis=0)) / spread
    value = min(predictive_value, _SURE)

    def scores(at: Floats) -> Floats:
        return _scores(at, x, labelled, member, value)

    def whole(beta: Floats) -> Floats:
        return np.append(beta, _kappa(x[labelled] @ beta, value))

    found = optimize.root(lambda beta: scores(whole(beta)).sum(axis=0)[:-1], np.zeros(x.shape[1]), tol=1e-9)
    if not found.success or np.abs(found.x).max() > _FARTHEST:
        raise EstimationError(
            f"No ratio fits cases of which {predictive_value:.0%} are right: they differ too much from the others.",
            "State a higher predictive value, or a higher specificity.",
        )
    at = whole(found.x)
    slope = _slope(scores, at)
    if np.linalg.cond(slope) > _CONDITION:
        raise NotIdentifiedError(f"Covariates follow from each other: {', '.join(given.names)}.")
    bread = np.linalg.inv(slope)
    meat = summed(scores(at), group, groups)
    covariance = bread @ (meat.T @ meat) @ bread.T
    size = x.shape[1]
    return Corrected(given.names, found.x[:size] / spread, covariance[:size, :size] / np.outer(spread, spread))


def _kappa(eta: Floats, value: float) -> float:
    """Logarithm of kappa at which so many of the labelled rows are right.

    Args:
        eta: (labelled rows,) linear predictor.
        value: share that is right.
    """
    odds = np.clip(eta, -_FARTHEST, _FARTHEST)
    return float(optimize.brentq(lambda k: special.expit(odds - k).mean() - value, -3 * _FARTHEST, 3 * _FARTHEST))


def _scores(at: Floats, x: Floats, labelled: Bools, member: Ints, value: float) -> Floats:
    """(rows, covariates + 1) what each row adds to both equations; 0 for those that were not labelled."""
    eta = np.clip(x @ at[:-1], -_FARTHEST, _FARTHEST)
    odds = np.exp(eta)
    right = special.expit(eta - at[-1])
    count = int(member.max()) + 1
    mean = summed(x * odds[:, None], member, count) / summed(odds, member, count)[:, None]
    scores: Floats = np.column_stack((right[:, None] * (x - mean[member]), right - value)) * labelled[:, None]
    return scores


def _slope(scores: Callable[[Floats], Floats], at: Floats) -> Floats:
    """(equations, unknowns) derivative of the sums, by central differences."""
    step = 1e-5
    columns = []
    for k in range(len(at)):
        there = np.zeros(len(at))
        there[k] = step
        columns.append((scores(at + there).sum(axis=0) - scores(at - there).sum(axis=0)) / (2 * step))
    slope: Floats = np.column_stack(columns)
    return slope
