"""Within-animal crossover: every animal is its own control (Maclure 1991, doi:10.1093/oxfordjournals.aje.a115853)."""

from __future__ import annotations

from collections.abc import Mapping

from herdbook.studies.estimate.columns import Column, Covariates, codes
from herdbook.studies.estimate.conditional import conditional_logit
from herdbook.studies.estimate.fit import Fit


def crossover(
    covariates: Covariates,
    case: Column,
    animal: Column,
    *,
    period: Column | None = None,
    weights: Column | None = None,
    clusters: Column | None = None,
    reference: Mapping[str, str] | None = None,
) -> Fit:
    """Log odds ratios of an animal's case windows against its own control windows.

    Whatever stays the same within an animal (sire, parity, leg structure) cancels. Trends of the exposure do not: name
    periods, such as calendar months, chosen before looking at cases, and windows are compared within animal and period
    (time-stratified referents, without overlap bias: Lumley & Levy 2000,
    doi:10.1002/1099-095X(200011/12)11:6<689::AID-ENV439>3.0.CO;2-N; Janes, Sheppard & Lumley 2005,
    doi:10.1097/01.ede.0000181315.18836.9d).

    Args:
        covariates: columns by name, one row per window.
        case: 1 or true for the window before an index day.
        animal: whose window it is. Animals with windows of one kind only tell nothing and are left out.
        period: compare only within it; the whole of an animal's time if omitted.
        weights: above 0; see `conditional_logit`.
        clusters: of robust errors: the animal if omitted, so that several cases of one are not counted as independent;
            or its pen or farm.
        reference: level that others are compared with, by column.

    Raises:
        EstimationError: values are missing, lengths differ, or no animal has both kinds of window.
        NotIdentifiedError: a covariate never varies within an animal, or follows from the others.
        SeparationError: a covariate has no finite ratio.
        ConvergenceError: the maximum was not found.
    """
    rows = len(case)
    own, _ = codes("animal", animal, rows)
    sets = own
    if period is not None:
        when, periods = codes("period", period, rows)
        sets = own * periods + when
    return conditional_logit(
        covariates, case, sets, weights=weights, clusters=own if clusters is None else clusters, reference=reference
    )
