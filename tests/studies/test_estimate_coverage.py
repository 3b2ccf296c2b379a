"""Intervals hold the truth as often as they say: 95 % of 1,000 herds, within chance (93.5 to 96.5 %)."""

from __future__ import annotations

import numpy as np
import pytest

from herdbook.studies.estimate import Fit, conditional_logit, cox, profile_interval

HERDS = 1000
TRUTH = 0.4
pytestmark = pytest.mark.slow


def share(held: list[bool]) -> float:
    """Of herds whose interval holds the truth."""
    return sum(held) / len(held)


def sets_of_a_herd(seed: int, farms: int, spread: float) -> Fit:
    """150 sets of a case and 4 controls; the exposure's effect varies between farms by ``spread``."""
    rng = np.random.default_rng(seed)
    farm = rng.integers(0, farms, 150)
    x, z = rng.normal(size=(2, 150, 5))
    effect = TRUTH + spread * rng.normal(size=farms)
    appeal = effect[farm][:, None] * x + 0.3 * z + rng.gumbel(size=x.shape)
    case = np.arange(5) == appeal.argmax(axis=1)[:, None]
    sets = np.repeat(np.arange(150), 5)
    return conditional_logit({"x": x.ravel(), "z": z.ravel()}, case.ravel(), sets, clusters=np.repeat(farm, 5))


def animals_of_a_herd(seed: int) -> Fit:
    """400 animals that enter late, are culled or leave, and whose exposure changes once."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, 400))
    entry, change = rng.uniform(0, 0.5, 400), rng.uniform(0.5, 1, 400)
    left = change + rng.exponential(2, 400)
    hazard_early, hazard_late = (0.4 * np.exp(TRUTH * x) for x in (first, second))
    need = rng.exponential(1, 400)  # cumulative hazard at which it falls ill
    early = entry + need / hazard_early
    late = change + (need - hazard_early * (change - entry)) / hazard_late
    ill = np.where(early < change, early, late)
    stop = np.column_stack((np.minimum(ill, change), np.minimum(ill, left)))
    event = np.column_stack((ill < change, (ill >= change) & (ill < left)))
    start = np.column_stack((entry, change))
    kept = stop > start
    return cox({"x": np.column_stack((first, second))[kept]}, stop[kept], event[kept], start=start[kept])


def test_matched_sets() -> None:
    fits = [sets_of_a_herd(seed, farms=20, spread=0.0) for seed in range(HERDS)]
    wald = [fit.estimates(errors="model")[0] for fit in fits]
    assert 0.935 <= share([e.low <= TRUTH <= e.high for e in wald]) <= 0.965
    ends = [profile_interval(fit, "x") for fit in fits]
    assert 0.935 <= share([low <= TRUTH <= high for low, high in ends]) <= 0.965
    false = [not fit.estimates(errors="model")[1].low <= 0.3 <= fit.estimates(errors="model")[1].high for fit in fits]
    assert 0.03 <= share(false) <= 0.07


def test_farms_that_differ_need_clustered_errors() -> None:
    """With ten farms the model's errors hold the truth too seldom; those for few clusters do not."""
    fits = [sets_of_a_herd(seed, farms=10, spread=0.3) for seed in range(HERDS)]
    model = share([e.low <= TRUTH <= e.high for e in (fit.estimates(errors="model")[0] for fit in fits)])
    robust = share([e.low <= TRUTH <= e.high for e in (fit.estimates(few_clusters=True)[0] for fit in fits)])
    assert model < 0.9
    assert 0.92 <= robust <= 0.97


def test_late_entry_and_changing_exposure() -> None:
    found = [animals_of_a_herd(seed).estimates()[0] for seed in range(HERDS)]
    assert 0.935 <= share([e.low <= TRUTH <= e.high for e in found]) <= 0.965
    assert np.mean([e.coefficient for e in found]) == pytest.approx(TRUTH, abs=0.01)
