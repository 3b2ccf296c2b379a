from __future__ import annotations

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.contracts.camera import Camera, Zone, ZoneKind
from herdbook.edge.perception.base import Track
from herdbook.edge.perception.kinematics import BEHAVIOURS, judge, stillness
from herdbook.edge.perception.parameters import MotionParameters
from herdbook.edge.perception.places import inside

T0 = datetime(2026, 6, 1, tzinfo=UTC)
BODY = 50.0
SQUARE = ((0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0))


def track(centre: np.ndarray, step_s: float = 0.5) -> Track:
    half = np.array([BODY / 2, 0])
    ends = np.stack([centre - half, centre + half], axis=1)
    seconds = np.arange(len(centre)) * step_s
    return Track(step_s, seconds, centre, ends, np.full(len(centre), BODY), T0)


def camera(*zones: tuple[str, ZoneKind]) -> Camera:
    made = tuple(Zone(zone_id=name, kind=kind, polygon=SQUARE, valid_from=T0) for name, kind in zones)
    return Camera(camera_id="c", pen_id="p", width=1000, height=1000, fps=5, zones=made)


def stays(seconds: float, place: tuple[float, float] = (500, 500), jitter: float = 0.3) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.array(place) + rng.normal(0, jitter, (round(2 * seconds), 2))


def stirs(seconds: float) -> np.ndarray:
    """Lies awake: every twenty seconds it shifts a little."""
    centre = stays(seconds)
    centre[:, 0] += 6 * (np.arange(len(centre)) // 40 % 2)
    return centre


def walks(seconds: float, speed: float = BODY) -> np.ndarray:
    steps = np.arange(round(2 * seconds))
    return np.stack([100 + steps * speed / 2, np.full(len(steps), 500.0)], axis=1)


def main_behaviour(centre: np.ndarray, where: Camera | None = None) -> tuple[str, float]:
    judged = judge(track(centre), where or camera(), MotionParameters())
    mean = judged.probability.mean(axis=0)
    return BEHAVIOURS[int(mean.argmax())], float(mean.max())


@pytest.mark.parametrize(
    ("centre", "zones", "expected"),
    [
        (walks(20), (), "walking"),
        (stirs(120), (), "lying"),
        (stays(7200), (), "sleeping"),
        (stays(30), (), "lying"),  # fills the clip: animals that hold still are mostly lying
        (stays(20, (110, 50)), (("trough", ZoneKind.FEEDER),), "eating"),  # an end of the body reaches in
        (stays(20, (50, 50)), (("nipple", ZoneKind.DRINKER),), "drinking"),
        (walks(20, 0.15 * BODY), (), "investigating"),
    ],
)
def test_paths_are_judged_by_speed_stillness_and_place(
    centre: np.ndarray, zones: tuple[tuple[str, ZoneKind], ...], expected: str
) -> None:
    assert main_behaviour(centre, camera(*zones))[0] == expected


def test_a_short_halt_between_walks_is_standing() -> None:
    there = walks(10)
    halt = stays(8, tuple(there[-1]))
    on = walks(10) + (there[-1] - walks(10)[0])
    judged = judge(track(np.concatenate([there, halt, on])), camera(), MotionParameters())
    middle = judged.probability[len(there) + 4 : len(there) + len(halt) - 4].mean(axis=0)
    assert BEHAVIOURS[int(middle.argmax())] == "standing"


@given(st.integers(0, 10**6), st.integers(1, 200))
def test_probabilities_are_probabilities_and_never_certain(seed: int, steps: int) -> None:
    centre = np.cumsum(np.random.default_rng(seed).normal(0, 8, (steps, 2)), axis=0) + 300
    judged = judge(track(centre), camera(("bed", ZoneKind.LYING), ("trough", ZoneKind.FEEDER)), MotionParameters())
    assert judged.probability.shape == (steps, len(BEHAVIOURS))
    assert np.allclose(judged.probability.sum(axis=1), 1)
    assert judged.probability.min() > 0.01
    assert len(judged.zone) == steps


def test_a_zone_counts_only_while_it_is_valid() -> None:
    late = Zone(
        zone_id="t", kind=ZoneKind.FEEDER, polygon=SQUARE, valid_from=datetime(2026, 6, 1, 0, 0, 10, tzinfo=UTC)
    )
    judged = judge(track(stays(20, (50, 50))), camera().model_copy(update={"zones": (late,)}), MotionParameters())
    assert judged.zone[:20] == (None,) * 20
    assert judged.zone[20:] == ("t",) * 20


def test_stillness_knows_which_of_its_ends_were_seen() -> None:
    found = stillness(track(np.concatenate([stays(5), stays(5, (700, 500)), stays(5, (900, 500))])), 10)
    assert set(zip(found.seconds.tolist(), found.cut.tolist(), strict=True)) == {(5.0, 1), (5.0, 0)}


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=3, max_size=8, unique=True),
    st.tuples(st.floats(0.01, 49.99), st.floats(0.01, 49.99)),
)
def test_points_lie_in_polygons_where_opencv_says_so(
    corners: list[tuple[int, int]], point: tuple[float, float]
) -> None:
    signed = cv2.pointPolygonTest(np.array(corners, np.float32), point, True)
    if abs(signed) < 1e-3:
        return  # on the edge either is right
    zone = Zone(zone_id="z", kind=ZoneKind.LYING, polygon=tuple(corners), valid_from=T0)
    assert bool(inside(np.array([point]), zone)[0]) == (signed > 0)
