"""Exclusion, assignment and confidence against brute force on small random scenes."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.matching.assign import NOBODY, assign
from herdbook.matching.confidence import confidences, marginals
from herdbook.matching.exclusion import camera_groups, crowds, violations

TOLERANCE = 0.5
CAMERAS = ("a", "b", "c")
PAIRS = tuple(frozenset(p) for p in combinations(CAMERAS, 2))

intervals = st.lists(
    st.tuples(st.sampled_from(CAMERAS), st.integers(0, 40), st.integers(1, 20)), min_size=1, max_size=12
)
disjointness = st.sets(st.sampled_from(PAIRS))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[np.ndarray, list[np.ndarray]]:
    """Log-odds of up to 12 tracklets for up to 4 animals, and their crowds."""
    seen = draw(intervals)
    cells = st.one_of(st.just(-np.inf), st.floats(-4, 8))
    animals = draw(st.integers(1, 4))
    gain = np.array([[draw(cells) for _ in range(animals)] for _ in seen])
    start = np.array([s for _, s, _ in seen], dtype=float) / 4
    end = start + np.array([d for _, _, d in seen]) / 4
    groups = camera_groups(CAMERAS, draw(disjointness))
    return gain, crowds([c for c, _, _ in seen], start, end, groups, TOLERANCE)


@given(intervals, disjointness)
def test_two_tracklets_share_a_crowd_exactly_if_they_were_seen_at_once_where_one_animal_cannot_be(
    seen: list[tuple[str, int, int]], disjoint: set[frozenset[str]]
) -> None:
    start = np.array([s for _, s, _ in seen], dtype=float) / 4
    end = start + np.array([d for _, _, d in seen]) / 4
    found = crowds([c for c, _, _ in seen], start, end, camera_groups(CAMERAS, disjoint), TOLERANCE)
    together = {pair for crowd in found for pair in combinations(crowd.tolist(), 2)}
    for i, j in combinations(range(len(seen)), 2):
        apart = seen[i][0] == seen[j][0] or frozenset((seen[i][0], seen[j][0])) in disjoint
        overlap = min(end[i], end[j]) - max(start[i], start[j])
        assert ((i, j) in together) == (apart and overlap > TOLERANCE)


@given(disjointness)
def test_camera_groups_hold_every_camera_and_every_disjoint_pair_and_no_other(disjoint: set[frozenset[str]]) -> None:
    groups = camera_groups(CAMERAS, disjoint)
    assert set().union(*groups) == set(CAMERAS)
    assert {frozenset(p) for g in groups for p in combinations(sorted(g), 2)} == disjoint


@given(scenes())
def test_no_crowd_is_given_an_animal_twice_and_no_animal_where_it_cannot_be(
    scene: tuple[np.ndarray, list[np.ndarray]],
) -> None:
    gain, together = scene
    choice = assign(gain, together)
    assert violations(choice, together) == []
    given_one = np.flatnonzero(choice != NOBODY)
    assert np.isfinite(gain[given_one, choice[given_one]]).all()
    assert (assign(gain, together) == choice).all(), "the same input gives the same output"
    sure = confidences(gain, choice, together)
    assert ((sure >= 0) & (sure <= 1)).all()


@given(scenes())
def test_no_single_change_makes_the_assignment_better(scene: tuple[np.ndarray, list[np.ndarray]]) -> None:
    gain, together = scene
    choice = assign(gain, together)
    value = [0.0 if a == NOBODY else gain[i, a] for i, a in enumerate(choice)]
    for i, a in product(range(len(gain)), [NOBODY, *range(gain.shape[1])]):
        changed = choice.copy()
        changed[i] = a
        if not violations(changed, together):
            assert (0.0 if a == NOBODY else gain[i, a]) <= value[i] + 1e-9


def possible_ways(gain: np.ndarray) -> list[tuple[tuple[int, ...], float]]:
    """Every assignment of one crowd, with the log of its weight."""
    n, m = gain.shape
    ways = []
    for way in product([NOBODY, *range(m)], repeat=n):
        animals = [a for a in way if a != NOBODY]
        if len(set(animals)) == len(animals):
            ways.append((way, sum(gain[i, a] for i, a in enumerate(way) if a != NOBODY)))
    return ways


small = st.integers(1, 4).flatmap(
    lambda n: st.integers(1, 4).flatmap(
        lambda m: st.lists(st.lists(st.floats(-5, 5), min_size=m, max_size=m), min_size=n, max_size=n)
    )
)


@given(small)
def test_one_crowd_gets_the_best_of_all_assignments(rows: list[list[float]]) -> None:
    gain = np.array(rows)
    crowd = [np.arange(len(gain))]
    choice = assign(gain, crowd)
    total = sum(gain[i, a] for i, a in enumerate(choice) if a != NOBODY)
    assert total == pytest.approx(max(value for _, value in possible_ways(gain)))


def test_marginals_are_close_to_those_of_counting_every_assignment() -> None:
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(400):
        gain = rng.uniform(-5, 5, rng.integers(1, 5, 2))
        exact = np.zeros((len(gain), gain.shape[1] + 1))
        for way, value in possible_ways(gain):
            for i, a in enumerate(way):
                exact[i, a] += np.exp(value)  # -1, nobody, is the last column
        exact /= exact.sum(axis=1, keepdims=True)
        errors.append(np.abs(marginals(gain) - exact).max())
    assert np.percentile(errors, 50) < 0.001
    assert np.percentile(errors, 99) < 0.12


@given(small)
def test_a_tracklet_alone_has_exact_marginals(rows: list[list[float]]) -> None:
    gain = np.array(rows)[:1]
    weights = np.append(np.exp(gain[0]), 1.0)
    assert marginals(gain)[0] == pytest.approx(weights / weights.sum())


def test_who_is_certain_makes_the_others_surer() -> None:
    gain = np.array([[5.0, -5.0], [2.0, 2.0]])
    alone, together = marginals(gain[1:])[0], marginals(gain)[1]
    assert alone[1] < 0.5
    assert together[1] > 0.85


def test_two_that_look_like_one_animal_are_not_sure_to_be_it() -> None:
    gain = np.array([[6.0, -6.0], [6.0, -6.0]])
    crowd = [np.array([0, 1])]
    choice = assign(gain, crowd)
    assert sorted(choice) == [NOBODY, 0]
    assert confidences(gain, choice, crowd)[choice == 0] < 0.6
