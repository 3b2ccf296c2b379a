"""A farm-local day is what the clock on the barn's wall says, also when it changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.contracts.farmtime import day_extent, local_day
from herdbook.errors import ConfigurationError, InputError

ZONES = ["UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Auckland"]


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 28), 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)], ids=str
)
def test_days_have_23_or_25_hours_when_clocks_change(day: date, hours: int) -> None:
    start, end = day_extent(day, "Europe/London")
    assert end - start == timedelta(hours=hours)


@given(
    day=st.dates(date(2000, 1, 2), date(2060, 12, 30)),
    timezone=st.sampled_from(ZONES),
    share=st.floats(0, 0.999999),
)
def test_every_instant_of_a_days_extent_is_in_that_day_and_days_leave_no_gap(
    day: date, timezone: str, share: float
) -> None:
    start, end = day_extent(day, timezone)
    assert local_day(start + (end - start) * share, timezone) == day
    assert day_extent(day + timedelta(days=1), timezone).start == end
    assert start.tzinfo is UTC


def test_an_instant_belongs_to_the_farms_day_not_to_utcs() -> None:
    assert local_day(datetime(2026, 1, 1, 23, 30, tzinfo=UTC), "Pacific/Auckland") == date(2026, 1, 2)


@pytest.mark.parametrize(
    "name", ["Europe/Nowhere", "Europe", "", "E" * 300, "\0", "../../etc/passwd", "/etc/localtime"]
)
def test_an_unknown_time_zone_is_a_configuration_error(name: str) -> None:
    with pytest.raises(ConfigurationError, match="not a time zone"):
        day_extent(date(2026, 1, 1), name)


@pytest.mark.parametrize("day", [date.min, date(1969, 12, 31), date(3000, 1, 1), date.max], ids=str)
def test_a_day_that_no_farm_has_is_refused_before_calendars_end(day: date) -> None:
    with pytest.raises(InputError, match="not a day of a farm"):
        day_extent(day, "Pacific/Auckland")
