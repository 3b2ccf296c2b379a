"""Sensitivity to wrong labels: probabilistic bias analysis of the outcome, with a seed.

Scoring is a noisy test. How good it is enters as ranges, each draw taking one value of each (Fox, MacLehose & Lash
2021, *Applying quantitative bias analysis to epidemiologic data*, 2nd ed., chapters 6 and 8; Lash et al. 2014,
doi:10.1093/ije/dyu149). With sensitivity and specificity of one scoring, the share of positive scorings gives the true
prevalence (Rogan & Gladen 1978, doi:10.1093/oxfordjournals.aje.a112510), and with it the share of positives that are
right. For each draw the ratio is estimated anew as if so many cases were right
(`herdbook.studies.estimate.misclassified`), and a normal draw of its own error is added: the interval holds both.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator

from herdbook.contracts.camera import Contract
from herdbook.errors import EstimationError
from herdbook.studies.estimate.columns import Floats
from herdbook.studies.estimate.misclassified import misclassified

_GRID = 9
"""Predictive values for which the ratio is estimated; draws lie between two of them."""

Range = tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(gt=0, le=1)]]


class LabelError(Contract):
    """How far labels can be trusted, as lowest and highest value: of a scoring, sensitivity and specificity; or the
    share of labelled cases that are cases (for diagnoses, where nobody writes down that an animal was sound)."""

    sensitivity: Range | None = None
    specificity: Range | None = None
    predictive_value: Range | None = None
    draws: Annotated[int, Field(ge=100, le=100_000, strict=True)] = 5000

    @model_validator(mode="after")
    def _whole(self) -> Self:
        scoring = (self.sensitivity is None, self.specificity is None)
        if scoring not in ((True, True), (False, False)) or scoring[0] == (self.predictive_value is None):
            raise ValueError("state sensitivity and specificity, or predictive_value")
        for name in ("sensitivity", "specificity", "predictive_value"):
            ends = getattr(self, name)
            if ends is not None and ends[0] > ends[1]:
                raise ValueError(f"{name}: the lowest value is above the highest")
        if self.sensitivity and self.specificity and self.sensitivity[0] + self.specificity[0] <= 1:
            raise ValueError(
                "sensitivity, specificity: a scoring no better than chance says nothing; they sum to 1 or less"
            )
        return self


def predictive_values(stated: LabelError, positive: int, negative: int, rng: np.random.Generator) -> Floats:
    """Draws of the share of positive labels that are right; fewer than asked where some are impossible.

    Args:
        stated: the ranges.
        positive: scorings that met the outcome.
        negative: scorings that did not.
        rng: of the draws.

    Raises:
        EstimationError: no scoring found nothing, or every draw explains more positives than there are.
    """
    if stated.predictive_value is not None:
        return rng.uniform(*stated.predictive_value, stated.draws)
    assert stated.sensitivity is not None, "as validated"
    assert stated.specificity is not None, "as validated"
    if not positive or not negative:
        raise EstimationError(
            "Sensitivity and specificity need scorings that met the outcome and scorings that did not.",
            "State label_error.predictive_value: the share of labelled cases that are cases.",
        )
    share = positive / (positive + negative)
    sensitivity, specificity = (rng.uniform(*ends, stated.draws) for ends in (stated.sensitivity, stated.specificity))
    true = (share + specificity - 1) / (sensitivity + specificity - 1)
    possible = (true > 0) & (true <= 1)
    if not possible.any():
        raise EstimationError(
            f"With that specificity more scorings would be positive by error alone than the {share:.1%} that are.",
            "State a higher specificity.",
        )
    values: Floats = np.minimum((sensitivity * true / share)[possible], 1)
    return values


def biased(
    stated: LabelError,
    columns: dict[str, Any],
    case: Any,
    sets: Any,
    *,
    clusters: Any,
    scored: tuple[int, int],
    seed: int,
) -> dict[str, Any]:
    """The first covariate's log ratio under the stated errors of labels.

    Args:
        stated: the ranges, and how many draws.
        columns: covariates by name, the exposure first.
        case: whether each row was labelled.
        sets: which rows are compared.
        clusters: of robust errors, or none.
        scored: scorings that met the outcome, and that did not.
        seed: of the draws.

    Returns:
        ``coefficient`` (median of draws), ``low``, ``high`` (2.5 and 97.5 %) with random error, ``systematic_low`` and
        ``systematic_high`` without, ``draws`` that count, ``impossible`` ones.

    Raises:
        EstimationError: as `predictive_values` and `misclassified` do.
    """
    rng = np.random.default_rng(seed)
    values = predictive_values(stated, *scored, rng)
    grid = np.linspace(values.min(), values.max(), _GRID) if np.ptp(values) > 0 else values[:1]
    fits = [misclassified(columns, case, sets, float(v), clusters=clusters) for v in grid]
    middle = np.interp(values, grid, [f.coefficients[0] for f in fits])
    error = np.interp(values, grid, [np.sqrt(f.covariance[0, 0]) for f in fits])
    drawn = middle + error * rng.standard_normal(len(values))
    low, high = np.quantile(drawn, (0.025, 0.975))
    least, most = np.quantile(middle, (0.025, 0.975))
    return {
        "coefficient": float(np.median(drawn)),
        "low": float(low),
        "high": float(high),
        "systematic_low": float(least),
        "systematic_high": float(most),
        "draws": len(values),
        "impossible": stated.draws - len(values),
    }
