"""Days and local times made exact in UTC, clock changes included."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.contracts.farmtime import local_day
from herdbook.roster.moments import earliest, latest, parse_moment

ZONES = st.sampled_from(["Europe/London", "America/Vancouver", "Pacific/Auckland", "Asia/Kolkata", "UTC"])
LONDON = "Europe/London"


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), ZONES)
def test_a_day_is_all_of_that_local_day_and_no_more(day: date, zone: str) -> None:
    first, last = earliest(day, zone), latest(day, zone)
    assert local_day(first, zone) == local_day(last, zone) == day
    assert local_day(first - timedelta(microseconds=1), zone) < day < local_day(last + timedelta(microseconds=1), zone)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), ZONES)  # noqa: DTZ001 - local times
def test_a_local_time_is_that_time_on_the_farms_clock_or_refused(moment: datetime, zone: str) -> None:
    try:
        first, last = earliest(moment, zone), latest(moment, zone)
    except ValueError:
        there = moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
        assert there.replace(tzinfo=None) != moment
        return
    assert first <= last
    for instant in (first, last):
        assert instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) == moment


def test_an_hour_that_occurs_twice_is_the_interval_of_both() -> None:
    twice = datetime(2024, 10, 27, 1, 30)  # noqa: DTZ001
    assert earliest(twice, LONDON) == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    assert latest(twice, LONDON) == datetime(2024, 10, 27, 1, 30, tzinfo=UTC)


def test_an_hour_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="does not exist in Europe/London"):
        earliest(datetime(2024, 3, 31, 1, 30), LONDON)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2024-05-03", date(2024, 5, 3)),
        (" 2024-05-03T14:30 ", datetime(2024, 5, 3, 14, 30)),  # noqa: DTZ001
        ("2024-05-03 14:30:05", datetime(2024, 5, 3, 14, 30, 5)),  # noqa: DTZ001
        ("2024-05-03T14:30:00Z", datetime(2024, 5, 3, 14, 30, tzinfo=UTC)),
        ("2024-05-03T14:30+02:00", datetime(2024, 5, 3, 12, 30, tzinfo=UTC)),
    ],
)
def test_iso_8601_is_read(text: str, meant: date) -> None:
    assert parse_moment(text) == meant


@pytest.mark.parametrize("text", ["", "3 May", "03/05/2024", "2024-13-01", "2024-05-03T25:00", "soon"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date or time"):
        parse_moment(text)


@pytest.mark.parametrize("moment", [date(1899, 12, 30), datetime(1899, 12, 30, 12), datetime.max, date.max])  # noqa: DTZ001, DTZ901
def test_a_day_that_no_farm_has_is_refused(moment: date) -> None:
    for bound in (earliest, latest):
        with pytest.raises(ValueError, match="is not a day of a farm"):
            bound(moment, LONDON)
