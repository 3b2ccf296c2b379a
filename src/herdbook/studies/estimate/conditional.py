"""Conditional logistic regression of matched case-control sets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from herdbook.errors import EstimationError
from herdbook.studies.estimate.columns import (
    Bools,
    Column,
    Covariates,
    Design,
    Floats,
    Ints,
    codes,
    design,
    flags,
    positive,
    standardise,
)
from herdbook.studies.estimate.fit import Fit, finish
from herdbook.studies.estimate.matched_sets import matched_sets
from herdbook.studies.estimate.newton import maximise


def conditional_logit(
    covariates: Covariates,
    case: Column,
    sets: Column,
    *,
    weights: Column | None = None,
    clusters: Column | None = None,
    reference: Mapping[str, str] | None = None,
) -> Fit:
    """Log odds ratios within matched sets, by the exact conditional likelihood, whatever the numbers of cases.

    With risk-set sampling an odds ratio is a rate ratio (Prentice & Breslow 1978, doi:10.1093/biomet/65.1.153).

    Weights: a row of weight ``w`` enters its set's odds ``w`` times, and a set's log likelihood counts as often as its
    cases weigh on average. So sets of one weight count that often; with one case this is the weighted partial
    likelihood of Binder 1992, doi:10.1093/biomet/79.1.139, and of R's ``coxph(weights=)``. Weights that are not
    frequencies void the model's errors: the sandwich's are given, sets being the clusters where none are named.

    Args:
        covariates: columns by name; texts become indicators of their levels.
        case: 1 or true where the row is a case.
        sets: the matched set of each row. Sets without a case or without a control tell nothing and are left out.
        weights: above 0.
        clusters: the farm or pen of each row; adds robust errors.
        reference: level that others are compared with, by column.

    Raises:
        EstimationError: values are missing, lengths differ, or no set has both a case and a control.
        NotIdentifiedError: a covariate is constant within every set, or follows from the others.
        SeparationError: a covariate has no finite ratio.
        ConvergenceError: the maximum was not found.
    """
    given = design(covariates, reference)
    rows = len(given.values)
    is_case = flags("case", case, rows)
    weight = positive("weights", weights, rows)
    kept = _informative(is_case, *codes("sets", sets, rows))
    if not kept.any():
        raise EstimationError(
            "No matched set has both a case and a control.", "Match less closely, or lengthen the study."
        )
    member, count = codes("sets", codes("sets", sets, rows)[0][kept], int(kept.sum()))
    is_case, weight = is_case[kept], weight[kept]
    x, scale = standardise(Design(given.names, given.values[kept]), member, count, "matched sets")
    likelihood = matched_sets(
        given.names, x, is_case, member, weights=_set_weights(weight, is_case, member), offset=np.log(weight)
    )
    null = likelihood.at(np.zeros(len(scale)))
    groups = None
    if clusters is not None:
        groups = codes("clusters", codes("clusters", clusters, rows)[0][kept], len(member))
    elif np.ptp(weight) > 0:
        groups = (member, count)
    return finish(
        likelihood,
        maximise(likelihood),
        null,
        scale,
        groups,
        rows=len(member),
        events=int(is_case.sum()),
        groups=count,
        left_out=rows - len(member),
        weighted=bool(np.ptp(weight) > 0),
    )


def _informative(case: Bools, sets: Ints, count: int) -> Bools:
    """(rows,) whose set has a case and a control."""
    cases = np.bincount(sets, case, minlength=count)
    both = (cases > 0) & (cases < np.bincount(sets, minlength=count))
    kept: Bools = both[sets]
    return kept


def _set_weights(weights: Floats, case: Bools, sets: Ints) -> Floats:
    """(sets,) the mean weight of each set's cases."""
    mean: Floats = np.bincount(sets, weights * case) / np.bincount(sets, case)
    return mean
