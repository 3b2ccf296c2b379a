from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from herdbook.contracts.camera import Calibration, Camera
from herdbook.contracts.records import RecordKind, record_table
from herdbook.edge.activity import hourly, moves, square_metres_per_pixel, to_metres
from herdbook.edge.perception.base import Box, Instance, Shape
from herdbook.edge.tracklets import Tracklet

T0 = datetime(2026, 6, 1, 10, 59, 50, tzinfo=UTC)
SCALE = Calibration(
    calibration_id="flat", homography=(0.01, 0, 0, 0, 0.01, 0, 0, 0, 1), valid_from=T0 - timedelta(days=1)
)
TILTED = (0.01, 0.001, -1, 0.0005, 0.012, 2, 1e-5, 2e-5, 1)


def camera(*calibrations: Calibration) -> Camera:
    return Camera(camera_id="c", pen_id="p", width=1000, height=1000, fps=5, calibrations=calibrations)


def walked(xs: np.ndarray, fps: float = 5) -> Tracklet:
    tracklet = Tracklet(1, "clip.mp4", T0, T0)
    for n, x in enumerate(xs):
        shape = Shape(float(x), 500, 60, 25, 0.0, 1200)
        seen = Instance(1, Box(x - 30, 480, 60, 40), shape, 0.9, 0.9)
        tracklet.add(T0 + timedelta(seconds=n / fps), "clip.mp4", n + 1, seen, 1 / fps)
    return tracklet


def test_a_walk_of_ten_metres_measures_ten_metres_over_its_hours() -> None:
    rows = hourly(walked(np.linspace(0, 1000, 101)), camera(SCALE), "motion-1", "t")
    assert [row["hour"].hour for row in rows] == [10, 11]
    assert sum(row["distance_m"] for row in rows) == pytest.approx(10, rel=0.03)
    assert sum(row["distance_px"] for row in rows) == pytest.approx(1000, rel=0.03)
    assert sum(row["observed_s"] for row in rows) == pytest.approx(20.2)
    for row in rows:
        assert row["speed_p95_m_s"] == pytest.approx(0.5, rel=0.02)
        assert row["body_length_m"] == pytest.approx(0.6)
        assert row["body_area_m2"] == pytest.approx(0.12)
        assert row["calibration_id"] == "flat"
    record_table(RecordKind.ACTIVITY, rows)


def test_a_lying_animals_trembling_outline_is_no_distance() -> None:
    trembling = 500 + np.random.default_rng(0).normal(0, 1, 5000)
    (row,) = hourly(walked(trembling, fps=500), camera(SCALE), "motion-1", "t")[:1]
    assert row["distance_px"] == 0
    assert row["distance_m"] == 0


def test_without_calibration_metres_are_null_and_pixels_are_not() -> None:
    for row in hourly(walked(np.linspace(0, 400, 41)), camera(), "motion-1", "t"):
        assert row["distance_px"] > 0
        assert {row[c] for c in ("distance_m", "speed_p95_m_s", "body_length_m", "body_area_m2", "calibration_id")} == {
            None
        }


def test_an_hour_in_which_the_calibration_changed_has_no_metres() -> None:
    change = T0 + timedelta(seconds=4)
    old = SCALE.model_copy(update={"valid_to": change})
    new = SCALE.model_copy(update={"valid_from": change, "calibration_id": "new"})
    first, second = hourly(walked(np.linspace(0, 1000, 101)), camera(old, new), "motion-1", "t")
    assert first["distance_m"] is None
    assert second["calibration_id"] == "new"


@given(st.tuples(st.floats(50, 950), st.floats(50, 950)))
def test_the_area_of_a_pixel_is_that_of_its_projection(point: tuple[float, float]) -> None:
    calibration = SCALE.model_copy(update={"homography": TILTED})
    square = to_metres(calibration, np.array(point) + np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]))
    x, y = square.T
    shoelace = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    assert square_metres_per_pixel(calibration, np.array([point]))[0] == pytest.approx(shoelace, rel=1e-3)


@given(st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=1, max_size=60), st.floats(0.1, 50))
def test_no_more_is_counted_than_was_walked_and_no_less_than_the_way_there(
    path: list[tuple[float, float]], band: float
) -> None:
    centre = np.array(path)
    walked_way = np.linalg.norm(np.diff(centre, axis=0), axis=1).sum()
    direct = np.linalg.norm(centre[-1] - centre[0])
    assume(walked_way < 1e6)
    counted = moves(centre, band).sum()
    assert direct - band - 1e-6 <= counted <= walked_way + 1e-6
