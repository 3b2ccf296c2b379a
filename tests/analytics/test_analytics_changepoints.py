"""Changes of level: the least-squares partition is the least, and days that resemble each other are no change."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from herdbook.analytics.changepoints import noise, partition, shifts


def cost(values: np.ndarray, cuts: tuple[int, ...], penalty: float) -> float:
    edges = (0, *cuts, len(values))
    return sum(float(np.sum((values[a:b] - values[a:b].mean()) ** 2)) for a, b in pairwise(edges)) + penalty * len(cuts)


@settings(max_examples=60)
@given(arrays(float, st.integers(1, 11), elements=st.floats(-5, 5)), st.floats(0.01, 20), st.integers(1, 4))
def test_no_other_partition_is_better(values: np.ndarray, penalty: float, least: int) -> None:
    """Against all of them."""
    found = tuple(partition(values, penalty, least))
    places = range(1, len(values))
    allowed = [
        cuts
        for k in range(len(values))
        for cuts in combinations(places, k)
        if not cuts or min(b - a for a, b in pairwise((0, *cuts, len(values)))) >= least
    ]
    assert found in allowed
    assert cost(values, found, penalty) <= min(cost(values, cuts, penalty) for cuts in allowed) + 1e-6


def autoregression(rng: np.random.Generator, n: int, r: float) -> np.ndarray:
    found = rng.standard_normal(n)
    for k in range(1, n):
        found[k] = r * found[k - 1] + np.sqrt(1 - r * r) * found[k]
    return found


@pytest.mark.parametrize("r", [0.0, 0.5])
def test_the_noise_is_read_off_neighbours_whatever_the_levels(r: float) -> None:
    rng = np.random.default_rng(1)
    flat = np.array([noise(autoregression(rng, 400, r)) for _ in range(40)])
    stepped = np.array([noise(autoregression(rng, 400, r) + np.repeat([0, 9, 0, 4], 100)) for _ in range(40)])
    truth = (1 + r) / (1 - r)
    assert np.median(flat) == pytest.approx(truth, rel=0.35)
    assert np.median(stepped) == pytest.approx(truth, rel=0.35)


def test_a_period_is_told_as_one_with_what_is_around_it() -> None:
    rng = np.random.default_rng(2)
    values = 0.8 + 0.02 * rng.standard_normal(120)
    values[50:71] += 0.1
    [found] = shifts(values, np.zeros(120, np.int64))
    assert (found.first, found.last, found.back) == (pytest.approx(50, abs=1), pytest.approx(70, abs=1), True)
    assert found.step == pytest.approx(0.1, abs=0.015)
    assert found.weight > 5


def test_a_level_that_stays_is_no_period_and_gaps_do_no_harm() -> None:
    rng = np.random.default_rng(3)
    values = 0.8 + 0.02 * rng.standard_normal(120)
    values[60:] -= 0.1
    values[[3, 4, 5, 58, 90, 91]] = np.nan
    [found] = shifts(values, np.zeros(120, np.int64))
    assert (found.back, found.last) == (False, 119)
    assert found.first in (59, 60, 61)


def test_what_changes_with_the_model_is_not_told() -> None:
    rng = np.random.default_rng(4)
    values = 0.8 + 0.02 * rng.standard_normal(120)
    values[60:] += 0.1
    assert shifts(values, np.repeat([0, 1], 60)) == []
    assert len(shifts(values, np.zeros(120, np.int64))) == 1


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 30, [np.nan] * 30])
def test_where_there_is_nothing_to_find_nothing_is_found(values: list[float]) -> None:
    assert shifts(np.array(values), np.zeros(len(values), np.int64)) == []
