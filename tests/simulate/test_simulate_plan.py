"""A plan is checked before anything is made."""

from __future__ import annotations

from datetime import UTC, date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.contracts import farmtime
from herdbook.errors import ConfigurationError
from herdbook.simulate.plan import FarmPlan, make_plan


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"animals_per_pen": 0}, "animals_per_pen"),
        ({"timezone": "Europe/Nowhere"}, "Europe/Nowhere"),
        ({"farm_id": "../etc"}, "farm_id"),
        ({"start_day": date.max}, "start_day"),
        ({"clips_per_day": 100, "clip_seconds": 3600}, "clips_per_day"),
        ({"pens": 1, "animals_per_pen": 4, "lameness": {"animals": 5}}, "lameness.animals"),
        ({"lameness": {"delay_days": (5, 2)}}, "delay_days"),
        ({"width": 481}, "width"),
        ({"horses": 3}, "horses"),
    ],
)
def test_what_is_not_possible_is_refused_by_name(asked: dict, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        make_plan(asked)


@given(
    day=st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    timezone=st.sampled_from(["Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    clips=st.integers(1, 48),
    seconds=st.integers(2, 600),
)
def test_clips_lie_apart_and_inside_the_farm_local_day(day: date, timezone: str, clips: int, seconds: int) -> None:
    plan = FarmPlan(timezone=timezone, clips_per_day=clips, clip_seconds=seconds)
    starts = plan.clip_starts(day)
    extent = farmtime.day_extent(day, timezone)
    assert len(starts) == clips
    assert all(s.tzinfo is UTC and s.microsecond == 0 for s in starts)
    ends = [s + timedelta(seconds=seconds) for s in starts]
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    assert extent.start <= starts[0]
    assert ends[-1] <= extent.end


def test_the_first_clip_starts_at_the_farms_own_time() -> None:
    winter, summer = date(2026, 1, 5), date(2026, 7, 6)
    plan = FarmPlan(first_clip=time(8), timezone="Europe/London")
    assert [plan.clip_starts(d)[0].hour for d in (winter, summer)] == [8, 7]
