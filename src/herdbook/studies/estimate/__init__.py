"""Estimators that studies use: pure functions from columns to estimates, no files, no lake.

Matched and within-animal designs (`conditional_logit`, `crossover`), hazards (`cox`, with `events_of` for one cause),
how many get it (`cumulative_incidence`, `survival_curve`), many exposures (`adjust`), and observers (`icc`, `kappa`).
Formulas have their source beside them; R's ``survival`` is the oracle in tests (docs/adr/0160-own-estimators.md).
"""

from __future__ import annotations

from herdbook.studies.estimate.conditional import conditional_logit
from herdbook.studies.estimate.cox import cox, events_of
from herdbook.studies.estimate.crossover import crossover
from herdbook.studies.estimate.fit import Estimate, Fit
from herdbook.studies.estimate.icc import Agreement, icc
from herdbook.studies.estimate.incidence import Incidence, cumulative_incidence, survival_curve
from herdbook.studies.estimate.kappa import kappa
from herdbook.studies.estimate.multiplicity import Adjusted, adjust, benjamini_hochberg, holm
from herdbook.studies.estimate.profile import profile_interval, ratio_test

__all__ = [
    "Adjusted",
    "Agreement",
    "Estimate",
    "Fit",
    "Incidence",
    "adjust",
    "benjamini_hochberg",
    "conditional_logit",
    "cox",
    "crossover",
    "cumulative_incidence",
    "events_of",
    "holm",
    "icc",
    "kappa",
    "profile_interval",
    "ratio_test",
    "survival_curve",
]
