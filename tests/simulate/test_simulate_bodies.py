"""Bodies as chains of discs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from herdbook.simulate.bodies import Body, discs, outside, overlap

BODY = Body(1.1, 0.36)
angle = st.floats(-np.pi, np.pi)
poses = st.tuples(st.floats(-5, 5), st.floats(-5, 5), angle).map(np.array)


def _between(a: np.ndarray, b: np.ndarray) -> float:
    other = discs(b, BODY)
    return float(overlap(a[None], BODY, other, np.full(len(other), BODY.radius))[0])


@given(poses, poses)
def test_overlap_is_mutual_and_zero_beyond_reach(a: np.ndarray, b: np.ndarray) -> None:
    assert np.isclose(_between(a, b), _between(b, a), atol=1e-6)
    if np.hypot(*(a - b)[:2]) > BODY.length_m:
        assert _between(a, b) == 0


@given(poses)
def test_a_body_in_another_ones_place_overlaps_by_its_whole_width(pose: np.ndarray) -> None:
    assert np.isclose(_between(pose, pose), BODY.width_m, atol=1e-6)


def test_side_by_side_bodies_overlap_by_what_they_lack_in_distance() -> None:
    one, near, apart = (np.array([1.0, y, 0.0]) for y in (1.0, 1.30, 1.37))
    assert np.isclose(_between(one, near), 0.06)
    assert _between(one, apart) == 0


@given(angle)
def test_the_discs_span_the_bodys_length(heading: float) -> None:
    ends = discs(np.array([0.0, 0.0, heading]), BODY)[[0, -1]]
    assert np.isclose(np.hypot(*(ends[1] - ends[0])) + BODY.width_m, BODY.length_m)


def test_a_body_reaches_through_the_wall_by_what_lies_beyond_it() -> None:
    inside, nose_out = np.array([2.0, 2.0, 0.0]), np.array([5.0 - 0.45, 2.0, 0.0])
    found = outside(np.stack([inside, nose_out]), BODY, 5.0, 4.0)
    assert np.allclose(found, [0.0, 0.10])
