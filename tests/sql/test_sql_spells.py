"""Bouts and visits as wholes, movement by day, and a pen's day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.herd import DAY, Herd, at

NEXT = DAY + timedelta(days=1)


def test_a_bout_over_midnight_is_one_and_a_gap_makes_an_end_unseen(herd: Herd) -> None:
    herd.load("l1")
    herd.load("l2", day=NEXT)
    first, second = herd.tracklet(20, 24), herd.tracklet(0, 8, load="l2", day=NEXT)
    herd.bout(first, 20, 22, "standing")
    herd.bout(first, 22, 24, "lying")
    for start, end, behaviour in [(0, 1, "sleeping"), (1, 2, "eating"), (2, 3, "lying"), (5, 6, "lying")]:
        herd.bout(second, start, end, behaviour, load="l2", day=NEXT)
    found = herd.query("SELECT day, started_at, seconds, began_seen, ended_seen FROM animal_lying_bout ORDER BY 2")
    assert found == [
        (DAY, at(22), 3 * 3600, True, True),
        (NEXT, at(2, NEXT), 3600, True, False),
        (NEXT, at(5, NEXT), 3600, False, False),
    ]


def test_pauses_of_up_to_a_minute_belong_to_a_visit(herd: Herd) -> None:
    herd.load()
    t = herd.tracklet(0, 8)
    minute = 1 / 60
    for start, end, behaviour in [
        (0, 1, "standing"), (1, 1.5, "eating"), (1.5, 1.5 + minute, "standing"), (1.5 + minute, 2, "eating"),
        (2, 2.5, "drinking"), (2.5, 3, "eating"), (4, 4.5, "eating"),
    ]:  # fmt: skip
        herd.bout(t, start, end, behaviour)
    found = herd.query("SELECT behaviour, started_at, seconds, began_seen, ended_seen FROM animal_visit ORDER BY 2")
    assert found == [
        ("eating", at(1), pytest.approx(3600 - 60), True, True),
        ("drinking", at(2), 1800, True, True),
        ("eating", at(2.5), 1800, True, False),
        ("eating", at(4), 1800, False, False),
    ]


def test_gait_speed_is_of_the_hours_in_which_it_moved(herd: Herd) -> None:
    herd.load()
    t = herd.tracklet(0, 3)
    herd.activity(t, 0, 3600, 90, speed_p95_m_s=0.6, body_length_m=1.2, body_area_m2=0.36)
    herd.activity(t, 1, 3600, 10, speed_p95_m_s=0.4, body_length_m=1.0, body_area_m2=0.30)
    herd.activity(t, 2, 3600, 0, speed_p95_m_s=0.0, body_length_m=None)
    day = herd.one("FROM animal_day_movement")
    assert day["moving_speed_m_s"] == pytest.approx(0.58)
    assert (day["distance_m"], day["observed_s"]) == (100, 3 * 3600)
    assert day["body_width_m"] == pytest.approx(0.33 / 1.1)


def test_an_animal_that_stood_still_all_day_has_no_gait_speed(herd: Herd) -> None:
    herd.load()
    herd.activity(herd.tracklet(0, 1), 0, 3600, 0, speed_p95_m_s=0.01)
    assert herd.one("FROM animal_day_movement")["moving_speed_m_s"] is None


def test_a_pens_day_has_its_animals_its_watch_and_what_they_did(herd: Herd) -> None:
    herd.load(on=(0, 12), cameras={"c1": "p1", "c2": "p2"})
    for animal in ("a1", "a2"):
        herd.stay(animal)
    for animal, lying in (("a1", 2), ("a2", 1)):
        t = herd.tracklet(0, 4, animal=animal)
        herd.bout(t, 0, lying, "lying")
        herd.bout(t, lying, 4, "eating")
    day = herd.one("FROM pen_day WHERE pen_id = 'p1'")
    assert (day["day_s"], day["camera_on_s"], day["animals"], day["animals_observed"]) == (86400, 43200, 2, 2)
    assert (day["behaviour_s"], day["lying_s"], day["eating_s"]) == (8 * 3600, 3 * 3600, 5 * 3600)
    empty = herd.one("FROM pen_day WHERE pen_id = 'p2'")
    assert (empty["animals"], empty["animals_observed"], empty["behaviour_s"]) == (0, 0, None)
