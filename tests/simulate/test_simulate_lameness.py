"""Lameness changes behaviour from its onset on; the farm writes it down days later."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.contracts import farmtime
from herdbook.simulate.design import design_farm
from herdbook.simulate.ethology import LYING, Temperament
from herdbook.simulate.life import PenLife, Resident
from herdbook.simulate.plan import FarmPlan, LamenessPlan
from herdbook.simulate.streams import stream
from herdbook.simulate.trajectory import PenDay

DAY_S = 86400.0


@given(
    seed=st.integers(0, 2**31),
    days=st.integers(1, 60),
    lame=st.integers(0, 12),
    low=st.floats(0.5, 4),
    more=st.floats(0, 5),
)
@settings(max_examples=50)
def test_the_farm_notices_within_the_days_and_the_delay_after_onset(
    seed: int, days: int, lame: int, low: float, more: float
) -> None:
    plan = FarmPlan(
        seed=seed,
        days=days,
        pens=3,
        animals_per_pen=4,
        lameness=LamenessPlan(animals=lame, delay_days=(low, low + more)),
    )
    courses = [a.lameness for a in design_farm(plan).animals if a.lameness is not None]
    assert len(courses) == lame
    for course in courses:
        delay = course.noticed_at - course.onset_at
        assert timedelta(days=low) <= delay + timedelta(seconds=2)
        assert delay - timedelta(seconds=2) <= timedelta(days=low + more)
        assert farmtime.local_day(course.noticed_at, plan.timezone) in plan.simulated_days()
        assert course.score >= 3


def test_lame_animals_are_dealt_to_the_pens_in_turn() -> None:
    farm = design_farm(FarmPlan(pens=3, lameness=LamenessPlan(animals=7)))
    per_pen = [sum(a.lameness is not None for a in farm.animals_of(p.pen_id)) for p in farm.pens]
    assert sorted(per_pen) == [2, 2, 3]


def test_severity_rises_from_onset_to_one() -> None:
    farm = design_farm(FarmPlan(pens=1, lameness=LamenessPlan(animals=1)))
    lame = next(a for a in farm.animals if a.lameness is not None)
    sound = next(a for a in farm.animals if a.lameness is None)
    onset = lame.lameness.onset_at.timestamp()
    assert [lame.severity(onset + d * DAY_S, 2.0) for d in (-1, 0, 1, 2, 9)] == [0, 0, 0.5, 1, 1]
    assert lame.severity(onset, 0.0) == 1
    assert sound.severity(onset + DAY_S, 2.0) == 0


@cache
def _pen_with_every_second_animal_lame_on_the_last_two_of_four_days() -> tuple[list[PenDay], list[str], list[str]]:
    plan = FarmPlan(seed=21, pens=1, days=4)
    farm = design_farm(plan)
    start = farmtime.day_extent(plan.start_day, plan.timezone).start.timestamp()
    onset = start + 2 * DAY_S
    residents = [
        Resident(a.animal_id, a.body, Temperament(), (lambda t: float(t >= onset)) if i % 2 else (lambda _: 0.0))
        for i, a in enumerate(farm.animals)
    ]
    life = PenLife(
        farm.pens[0].layout, residents, LamenessPlan(), tz=ZoneInfo(plan.timezone), start=start, rng=stream(21, "here")
    )
    days = [life.live_day(start + d * DAY_S, start + (d + 1) * DAY_S, stream(21, d)) for d in range(4)]
    names = [r.animal_id for r in residents]
    return days, names[1::2], names[0::2]


def _share(days: list[PenDay], animals: list[str], behaviours: tuple[str, ...]) -> float:
    """Share of the hours in which cameras look, 07:30-20:00."""
    seen = [
        (b.behaviour, part.ended - part.started)
        for day in days
        for b in day.bouts
        if b.animal_id in animals and (part := b.clipped(day.start + 7.5 * 3600, day.start + 20 * 3600))
    ]
    return sum(s for name, s in seen if name in behaviours) / sum(s for _, s in seen)


def test_from_onset_on_a_lame_animal_lies_more_and_eats_less_than_before_and_than_sound_ones() -> None:
    days, lame, sound = _pen_with_every_second_animal_lame_on_the_last_two_of_four_days()
    before, after = days[:2], days[2:]
    lying = {
        (who, when): _share(part, animals, LYING)
        for who, animals in (("lame", lame), ("sound", sound))
        for when, part in (("before", before), ("after", after))
    }
    assert abs(lying["lame", "before"] - lying["sound", "before"]) < 0.1
    assert 0.10 < lying["lame", "after"] - lying["lame", "before"] < 0.35
    assert 0.10 < lying["lame", "after"] - lying["sound", "after"] < 0.35
    assert _share(after, lame, ("eating",)) < 0.7 * _share(after, sound, ("eating",))


def test_from_onset_on_a_lame_animal_walks_half_as_fast_and_less_far() -> None:
    days, lame, sound = _pen_with_every_second_animal_lame_on_the_last_two_of_four_days()

    def speed(animals: list[str]) -> float:
        found = []
        for day in days[2:]:
            for b in day.bouts:
                if b.animal_id in animals and b.behaviour == "walking" and b.ended - b.started > 4:
                    way = day.trajectories[b.animal_id]
                    at = way.at(np.arange(b.started, b.ended, 0.5))
                    found.append(np.median(np.hypot(*np.diff(at[:, :2], axis=0).T) / 0.5))
        return float(np.median([s for s in found if s > 0.05]))

    def distance(animals: list[str]) -> float:
        return sum(day.trajectories[a].distance_m for day in days[2:] for a in animals)

    assert speed(lame) / speed(sound) == pytest.approx(0.5, abs=0.12)
    assert distance(lame) < 0.75 * distance(sound)
