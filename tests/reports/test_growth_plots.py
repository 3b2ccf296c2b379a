"""Weighings of several scales in one picture."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from herdbook.reports.growth_plots import in_one_unit
from herdbook.reports.marks import Fact


def weighing(value: float, unit: str | None) -> Fact:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return Fact("a1", date(2026, 3, 2), at, "weight", str(value), None, value, unit, None, None)


@pytest.mark.parametrize(
    ("weighings", "unit", "values"),
    [
        ([(84.0, "kg"), (85.5, None)], "kg", [84, 85.5]),
        ([(180.0, "lb"), (185.0, "lb")], "lb", [180, 185]),
        ([(100.0, "lb"), (46.0, "kg"), (46500.0, "g")], "kg", [45.359237, 46, 46.5]),
    ],
)
def test_one_unit_as_it_is_and_several_in_kilograms(
    weighings: list[tuple[float, str | None]], unit: str, values: list[float]
) -> None:
    found, sizes = in_one_unit([weighing(*each) for each in weighings])
    assert found == unit
    assert list(sizes) == pytest.approx(values)
