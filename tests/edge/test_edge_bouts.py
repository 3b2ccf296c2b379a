from __future__ import annotations

from itertools import pairwise, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.edge.bouts import bouts


def probabilities(draw_seed: int, steps: int, states: int) -> np.ndarray:
    rows = np.random.default_rng(draw_seed).gamma(0.5, size=(steps, states)) + 1e-3
    return rows / rows.sum(axis=1, keepdims=True)


CASES = st.builds(probabilities, st.integers(0, 10**6), st.integers(1, 40), st.integers(2, 5))


@given(CASES, st.integers(1, 10))
def test_bouts_partition_the_steps_and_none_but_a_lone_one_is_short(probability: np.ndarray, shortest: int) -> None:
    found = bouts(probability, shortest)
    assert [step for b in found for step in range(b.first, b.last + 1)] == list(range(len(probability)))
    assert all(a.behaviour != b.behaviour for a, b in pairwise(found))
    assert len(found) == 1 or min(b.last - b.first + 1 for b in found) >= shortest
    assert all(0 < b.probability <= 1 for b in found)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 7), st.floats(0, 6))
def test_the_sequence_is_the_best_of_all(seed: int, steps: int, cost: float) -> None:
    probability = probabilities(seed, steps, 3)

    def worth(path: tuple[int, ...]) -> float:
        switches = sum(a != b for a, b in pairwise(path))
        return float(np.log(probability[range(steps), path]).sum() - cost * switches)

    found = tuple(b.behaviour for b in bouts(probability, 1, cost) for _ in range(b.first, b.last + 1))
    assert worth(found) >= max(map(worth, product(range(3), repeat=steps))) - 1e-9


def test_a_flicker_is_no_bout() -> None:
    sure, doubtful = [0.9, 0.1], [0.3, 0.7]
    probability = np.array([sure] * 10 + [doubtful] + [sure] * 10)
    assert [(b.first, b.last, b.behaviour) for b in bouts(probability, 4)] == [(0, 20, 0)]


def test_a_bonus_decides_what_is_reported_and_not_how_sure_it_is() -> None:
    probability = np.tile([0.6, 0.4], (10, 1))
    (found,) = bouts(probability, 1, bonus=np.array([0.0, 1.0]))
    assert (found.behaviour, round(found.probability, 6)) == (1, 0.4)
    (found,) = bouts(probability, 1, bonus=np.array([5.0, 5.0]))
    assert found.behaviour == 0
