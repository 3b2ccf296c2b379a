"""Zones and calibrations hold for a time; every instant has at most the ones valid then."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from herdbook.contracts.camera import Calibration, Camera

T0 = datetime(2026, 1, 1, tzinfo=UTC)
IDENTITY = (1.0, 0, 0, 0, 1, 0, 0, 0, 1)


def test_a_calibration_holds_from_its_start_until_just_before_its_end() -> None:
    first = Calibration(calibration_id="c1", homography=IDENTITY, valid_from=T0, valid_to=T0 + timedelta(days=1))
    second = Calibration(calibration_id="c2", homography=IDENTITY, valid_from=T0 + timedelta(days=1))
    camera = Camera(camera_id="cam", pen_id="pen", width=4, height=4, fps=1, calibrations=(first, second))
    assert camera.calibration_at(T0 - timedelta(seconds=1)) is None
    assert camera.calibration_at(T0) == first
    assert camera.calibration_at(T0 + timedelta(days=1)) == second


def test_two_calibrations_of_a_camera_never_hold_at_once() -> None:
    def camera(*intervals: tuple[int, int | None]) -> Camera:
        calibrations = [
            Calibration(
                calibration_id=f"c{n}",
                homography=IDENTITY,
                valid_from=T0 + timedelta(days=start),
                valid_to=None if end is None else T0 + timedelta(days=end),
            )
            for n, (start, end) in enumerate(intervals)
        ]
        return Camera(camera_id="cam", pen_id="pen", width=4, height=4, fps=1, calibrations=tuple(calibrations))

    camera((2, None), (0, 1), (1, 2))
    for overlapping in [((0, None), (1, None)), ((0, 2), (1, 3)), ((0, 5), (1, 2)), ((0, 1), (0, 1))]:
        with pytest.raises(ValidationError, match="hold at the same time"):
            camera(*overlapping)


@given(st.tuples(*[st.floats(1e-4, 0.1)] * 2), st.floats(0, 6.3), st.tuples(*[st.floats(-4000, 4000)] * 2))
def test_every_scale_turn_and_shift_is_a_homography(
    scale: tuple[float, float], turn: float, shift: tuple[float, float]
) -> None:
    (sx, sy), (x, y) = scale, shift
    cos, sin = math.cos(turn), math.sin(turn)
    homography = (sx * cos, -sy * sin, x, sx * sin, sy * cos, y, 0, 0, 1)
    Calibration(calibration_id="c", homography=homography, valid_from=T0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid_to": T0},
        {"valid_from": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"homography": IDENTITY[:8]},
        {"error_m": -0.1},
        {"scale": 1},
        {"valid_from": datetime(1, 1, 1, tzinfo=UTC)},
        {"error_m": float("inf")},
        *({"homography": (*IDENTITY[:4], wrong, *IDENTITY[5:])} for wrong in (float("nan"), float("inf"), 0.0)),
        {"homography": (0.0,) * 9},
        {"homography": (1.0, 2, 3, 2, 4, 6, 0, 0, 1)},
    ],
)
def test_what_cannot_be_a_calibration_is_refused(wrong: dict[str, object]) -> None:
    right: dict[str, object] = {"calibration_id": "c1", "homography": IDENTITY, "valid_from": T0}
    with pytest.raises(ValidationError):
        Calibration.model_validate(right | wrong)
