"""Zones and calibrations hold for a time; every instant has at most the ones valid then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
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


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid_to": T0},
        {"valid_from": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"homography": IDENTITY[:8]},
        {"error_m": -0.1},
        {"scale": 1},
    ],
)
def test_what_cannot_be_a_calibration_is_refused(wrong: dict[str, object]) -> None:
    right: dict[str, object] = {"calibration_id": "c1", "homography": IDENTITY, "valid_from": T0}
    with pytest.raises(ValidationError):
        Calibration.model_validate(right | wrong)
