"""Small simulated herds, and the simplest estimates that a planted truth must pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.herd.days import HerdDays
from herdbook.simulate.herd.plan import HazardTruth, HerdPlan, make_herd_plan

SMALL: dict[str, Any] = {
    "days": 20,
    "start_day": "2023-03-20",  # the clocks change on the 26th
    "devices": 2,
    "pens_per_device": 2,
    "animals_per_pen": 5,
    "stays": {"stay_days": [14, 40]},
    "coverage": {"days_off": 0.05, "hours_off": 0.2},
    "identity": {"switches": 0.1},
    "illness": {"rate_per_year": 6},
    "labels": {"scoring_days": 7, "double_scored": 0.3},
    "releases": [
        {"release_id": "herd-1", "from_day": 0},
        {"release_id": "herd-2", "from_day": 11, "shift": 0.04, "new_space": True},
    ],
    "detail": {"activity": True, "embeddings_per_hour": 1, "dimensions": 16, "chunk_days": 8},
}


def small_herd(**changes: Any) -> HerdPlan:
    """A herd of a few hundred animal-days with everything in it that can go wrong."""
    return make_herd_plan(SMALL | changes)


def person_time(plan: HerdPlan, herd: HerdDays) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Window means in the truth's units and whether an animal fell ill, one row per animal-day at risk.

    At risk from the first day with a whole window, but not while ill.
    """
    truth = plan.truth
    assert isinstance(truth, HazardTruth)
    animal, day = (herd.days[c].to_numpy() for c in ("animal", "day"))
    share = herd.truth_days["share"].to_numpy().astype(float)
    row = {key: k for k, key in enumerate(zip(animal.tolist(), day.tolist(), strict=True))}
    ill, at_risk = np.zeros(len(animal), bool), np.ones(len(animal), bool)
    for a, index in zip(*(herd.truth_illnesses[c].to_pylist() for c in ("animal", "index")), strict=True):
        ill[row[a, index]] = True
        for later in range(index + 1, index + plan.illness.illness_days):
            if (a, later) in row:
                at_risk[row[a, later]] = False
    sums = np.concatenate([[0.0], np.cumsum(share)])
    k = np.arange(len(animal))
    first = k - truth.lag_days - truth.window_days + 1
    at_risk &= (first >= 0) & (animal[np.maximum(first, 0)] == animal)
    k, first = k[at_risk], first[at_risk]
    means = (sums[k - truth.lag_days + 1] - sums[first]) / truth.window_days
    return (means - share.mean()) / truth.unit, ill[at_risk]


def log_rate_ratio(x: NDArray[np.float64], events: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope of a Poisson regression of daily events on x, and its standard error (Newton's method)."""
    design = np.stack([np.ones_like(x), x], axis=1)
    beta = np.array([np.log(events.mean()), 0.0])
    for _ in range(25):
        mean = np.exp(design @ beta)
        information = design.T @ (design * mean[:, None])
        step = np.linalg.solve(information, design.T @ (events - mean))
        beta += step
        if np.abs(step).max() < 1e-9:
            break
    return float(beta[1]), float(np.sqrt(np.linalg.inv(information)[1, 1]))
