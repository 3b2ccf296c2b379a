"""Animals live all day, believably; nothing is drawn here."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.contracts.ethogram import Posture, load_ethogram
from herdbook.simulate.bodies import discs, outside, overlap
from herdbook.simulate.design import design_farm
from herdbook.simulate.device_days import live_day, pen_life
from herdbook.simulate.ethology import LENGTHS, LYING, activity
from herdbook.simulate.farm import Farm
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.poses import bouts_at
from herdbook.simulate.trajectory import PenDay


def _live(plan: FarmPlan, pen: int = 0) -> tuple[Farm, list[PenDay]]:
    farm = design_farm(plan)
    life = pen_life(farm, farm.pens[pen])
    return farm, [live_day(farm, farm.pens[pen], life, day) for day in plan.simulated_days()]


def _budget(days: list[PenDay]) -> dict[str, float]:
    """Share of all time by behaviour."""
    seconds: dict[str, float] = defaultdict(float)
    for bout in (b for day in days for b in day.bouts):
        seconds[bout.behaviour] += bout.ended - bout.started
    return {name: s / sum(seconds.values()) for name, s in seconds.items()}


@pytest.fixture(scope="module")
def pen() -> tuple[Farm, list[PenDay]]:
    return _live(FarmPlan(seed=3, days=2, pens=1))


@settings(max_examples=6)
@given(
    seed=st.integers(0, 2**31),
    animals=st.integers(1, 4),
    start_day=st.dates(date(2020, 1, 1), date(2029, 12, 31)),
    timezone=st.sampled_from(["Europe/London", "Pacific/Auckland", "America/Denver"]),
)
def test_every_animal_does_one_thing_at_a_time_all_day_long(
    seed: int, animals: int, start_day: date, timezone: str
) -> None:
    plan = FarmPlan(seed=seed, days=2, pens=1, animals_per_pen=animals, start_day=start_day, timezone=timezone)
    farm, days = _live(plan)
    names = set(load_ethogram("pig-9").names)
    for lived in days:
        for animal in farm.animals:
            bouts = sorted(b for b in lived.bouts if b.animal_id == animal.animal_id)
            assert bouts[0].started == lived.start
            assert bouts[-1].ended == lived.end
            assert all(a.ended == b.started for a, b in pairwise(bouts))
            assert all(b.ended > b.started for b in bouts)
            assert all(a.behaviour != b.behaviour for a, b in pairwise(bouts))
            assert {b.behaviour for b in bouts} <= names
            way = lived.trajectories[animal.animal_id]
            assert (way.times[0], way.times[-1]) == (lived.start, lived.end)
            assert np.all(np.diff(way.times) > 0)


def test_days_follow_from_each_other(pen: tuple[Farm, list[PenDay]]) -> None:
    _, (first, second) = pen
    assert first.end == second.start
    for animal_id, way in first.trajectories.items():
        assert np.allclose(way.poses[-1, :2], second.trajectories[animal_id].poses[0, :2])


def test_more_days_or_pens_change_nothing_of_those_before() -> None:
    _, alone = _live(FarmPlan(seed=3, days=1, pens=1, animals_per_pen=3))
    _, among = _live(FarmPlan(seed=3, days=2, pens=3, animals_per_pen=3))
    assert alone[0].bouts == among[0].bouts
    for animal_id, way in alone[0].trajectories.items():
        assert np.array_equal(way.poses, among[0].trajectories[animal_id].poses)


def test_other_seeds_give_other_days() -> None:
    lives = [_live(FarmPlan(seed=seed, days=1, pens=1, animals_per_pen=2))[1][0].bouts for seed in (1, 2)]
    assert lives[0] != lives[1]


def test_all_nine_behaviours_occur_in_believable_shares(pen: tuple[Farm, list[PenDay]]) -> None:
    budget = _budget(pen[1])
    assert set(budget) == set(load_ethogram("pig-9").names)
    assert 0.60 < budget["sleeping"] + budget["lying"] < 0.85
    assert 0.05 < budget["eating"] < 0.16
    assert all(0.003 < budget[name] < 0.15 for name in ("drinking", "walking", "sitting", "social", "standing"))


def test_bouts_last_as_long_as_such_bouts_do(pen: tuple[Farm, list[PenDay]]) -> None:
    lengths = defaultdict(list)
    for day in pen[1]:
        for b in day.bouts:
            if b.started > day.start and b.ended < day.end:
                lengths[b.behaviour].append(b.ended - b.started)
    for name, expected in LENGTHS.items():
        assert min(lengths[name]) >= expected.shortest
        assert 0.5 * expected.mean < np.mean(lengths[name]) < 2 * expected.mean
    assert 1 < np.median(lengths["walking"]) < 30


def test_animals_are_up_by_day_and_down_by_night(pen: tuple[Farm, list[PenDay]]) -> None:
    farm, days = pen
    lying = {}
    for name, hours in {"night": (1, 4), "morning": (7.5, 10), "afternoon": (15, 18)}.items():
        at = np.concatenate([day.start + np.arange(hours[0] * 3600, hours[1] * 3600, 60.0) for day in days[:1]])
        found = [b.behaviour in LYING for a in farm.animals for b in bouts_at(days[0], a.animal_id, at)]
        lying[name] = np.mean(found)
    assert lying["night"] > 0.85
    assert lying["morning"] < 0.6
    assert lying["afternoon"] < 0.7
    assert activity(3) < 0.1 < activity(12) < activity(8.5)


def test_what_has_its_place_happens_there(pen: tuple[Farm, list[PenDay]]) -> None:
    farm, days = pen
    layout = farm.pens[0].layout
    at_trough, at_drinker, lying = [], [], []
    for day in days:
        for b in day.bouts:
            way = day.trajectories[b.animal_id]
            body = farm.animals_of("pen-1")[0].body
            x, y, heading = way.at(np.array([(b.started + b.ended) / 2]))[0]
            snout = np.array([x, y]) + body.length_m / 2 * np.array([np.cos(heading), np.sin(heading)])
            if b.behaviour == "eating":
                assert layout.feeder_zone.holds(x, y)
                t = layout.trough
                at_trough.append(t.x0 - 0.2 <= snout[0] <= t.x1 + 0.2)
            elif b.behaviour == "drinking":
                assert layout.drinker_zone.holds(x, y)
                at_drinker.append(min(np.hypot(*(snout - np.array(d))) for d in layout.drinkers) < 0.35)
            elif b.behaviour in LYING:
                lying.append(layout.lying.holds(x, y))
    assert np.mean(at_trough) == 1
    assert np.mean(at_drinker) == 1
    assert np.mean(lying) > 0.98


def test_bodies_stay_in_the_pen_and_out_of_one_another(pen: tuple[Farm, list[PenDay]]) -> None:
    farm, days = pen
    layout, animals = farm.pens[0].layout, farm.animals
    at = days[0].start + np.arange(0, 86400, 45.0)
    poses = [days[0].trajectories[a.animal_id].at(at) for a in animals]
    for animal, way in zip(animals, poses, strict=True):
        through_walls = outside(way, animal.body, layout.width_m, layout.depth_m)
        assert np.mean(through_walls > 0.15) < 0.01
        assert through_walls.max() < 0.6
    deep = []
    for i, a in enumerate(animals):
        for j in range(i):
            others = discs(poses[j], animals[j].body)
            radii = np.full(others.shape[1], animals[j].body.radius)
            deep += [overlap(poses[i][k], a.body, others[k], radii) > 0.15 for k in range(len(at))]
    assert np.mean(deep) < 0.002


def test_nobody_jumps_and_walkers_walk(pen: tuple[Farm, list[PenDay]]) -> None:
    farm, days = pen
    for animal in farm.animals:
        way = days[0].trajectories[animal.animal_id]
        speed = np.hypot(*np.diff(way.poses[:, :2], axis=0).T) / np.diff(way.times)
        assert speed.max() < 1.2
        assert 100 < way.distance_m < 3000
    heading_changes = [np.abs(np.diff(days[0].trajectories[a.animal_id].poses[:, 2])).max() for a in farm.animals]
    assert max(heading_changes) <= np.pi + 1e-9


def test_a_day_of_23_hours_is_23_hours_long() -> None:
    plan = FarmPlan(days=1, pens=1, animals_per_pen=1, start_day=date(2026, 3, 29), timezone="Europe/London")
    _, (day,) = _live(plan)
    assert day.end - day.start == timedelta(hours=23).total_seconds()
    assert sum(b.ended - b.started for b in day.bouts) == pytest.approx(day.end - day.start)


def test_lying_is_what_the_ethogram_calls_lying() -> None:
    assert set(LYING) == {b.name for b in load_ethogram("pig-9").behaviours if b.posture is Posture.LYING}
