"""animal_day: what was observed of an animal in a day, and how long it could be."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.herd import Herd, at

HOUR = 3600.0


def day_of(herd: Herd, animal: str = "a1") -> dict[str, object]:
    return herd.one(f"FROM animal_day WHERE animal_id = '{animal}'")


def test_seconds_by_behaviour_and_posture_with_their_denominators(herd: Herd) -> None:
    herd.load()
    herd.stay("a1")
    t = herd.tracklet(1, 9)
    for start, end, behaviour in [(1, 3, "sleeping"), (3, 4, "lying"), (4, 5, "eating"), (5, 7, "walking")]:
        herd.bout(t, start, end, behaviour)
    row = day_of(herd)
    assert row["camera_on_s"] == 24 * HOUR
    assert row["tracked_s"] == row["identified_s"] == 8 * HOUR
    assert row["behaviour_s"] == 6 * HOUR, "two hours of the tracklet have no bout"
    assert (row["lying_s"], row["sitting_s"], row["standing_s"]) == (3 * HOUR, 0, 3 * HOUR)
    assert (row["sleeping_s"], row["eating_s"], row["walking_s"], row["drinking_s"]) == (2 * HOUR, HOUR, 2 * HOUR, 0)
    assert (row["pen_id"], row["pens"]) == ("p1", 1)


def test_not_observed_is_null_never_zero(herd: Herd) -> None:
    herd.load()
    herd.stay("a1")
    herd.tracklet(1, 2, animal="a2")
    row = day_of(herd)
    assert (row["camera_on_s"], row["identified_s"]) == (24 * HOUR, 0)
    observed = {k: v for k, v in row.items() if k.endswith(("_s", "_m", "bouts"))}
    observed = {k: v for k, v in observed.items() if k not in ("camera_on_s", "tracked_s", "identified_s")}
    assert len(observed) > 10
    assert set(observed.values()) == {None}


def test_identified_without_bouts_has_no_behaviour(herd: Herd) -> None:
    herd.load()
    herd.tracklet(1, 2)
    row = day_of(herd)
    assert (row["identified_s"], row["behaviour_s"], row["lying_s"], row["lying_bouts"]) == (HOUR, None, None, None)


def test_a_camera_that_was_off_is_a_gap(herd: Herd) -> None:
    herd.load(on=None)
    herd.coverage(0, 6)
    herd.coverage(6, 8, state="off")
    herd.coverage(8, 10, state="degraded")
    herd.stay("a1")
    assert day_of(herd)["camera_on_s"] == 8 * HOUR


def test_a_camera_that_was_off_all_day_leaves_a_row_that_says_so(herd: Herd) -> None:
    herd.load(on=None)
    herd.stay("a1")
    row = day_of(herd)
    assert (row["camera_on_s"], row["identified_s"], row["behaviour_s"]) == (0, 0, None)


def test_overlapping_cameras_never_count_time_twice(herd: Herd) -> None:
    herd.load(cameras={"c1": "p1", "c2": "p1"}, on=(0, 12))
    herd.coverage(12, 18, camera="c2")
    herd.stay("a1")
    t, u = herd.tracklet(1, 3), herd.tracklet(2, 4, camera="c2")
    herd.bout(t, 1, 3, "lying")
    herd.bout(u, 2, 4, "lying")
    row = day_of(herd)
    assert row["camera_on_s"] == 18 * HOUR
    assert row["identified_s"] == row["tracked_s"] == row["behaviour_s"] == row["lying_s"] == 3 * HOUR


def test_without_a_loaded_day_there_is_no_row(herd: Herd) -> None:
    herd.load()
    herd.stay("a1")
    herd.stay("a2", "p2")
    assert herd.query("SELECT animal_id FROM animal_day") == [("a1",)]


def test_an_animal_without_a_stay_has_no_roster_denominators(herd: Herd) -> None:
    herd.load()
    herd.tracklet(1, 2)
    row = day_of(herd)
    assert (row["pen_id"], row["pens"], row["camera_on_s"], row["tracked_s"]) == ("p1", None, None, None)


def test_a_stay_counts_only_while_it_lasts(herd: Herd) -> None:
    herd.load(cameras={"c1": "p1", "c2": "p2"}, on=(0, 12))
    herd.stay("a1", "p1", end=6)
    herd.stay("a1", "p2", start=6)
    herd.stay("a2", "p1", start=30)
    row = day_of(herd)
    assert row["camera_on_s"] == 12 * HOUR
    assert (row["pens"], row["pen_id"]) == (2, "p2"), "where it spent most of the day"
    assert herd.query("FROM animal_day WHERE animal_id = 'a2'") == []


def test_tracked_seconds_are_shared_among_the_pen(herd: Herd) -> None:
    """Three animals, two of them tracked for an hour: each was tracked for 40 minutes on average."""
    herd.load()
    for animal in ("a1", "a2", "a3"):
        herd.stay(animal)
    herd.tracklet(1, 2, animal=None)
    herd.tracklet(1, 2, animal=None)
    assert day_of(herd)["tracked_s"] == pytest.approx(2 / 3 * HOUR)


def test_more_tracklets_than_animals_are_not_more_animals(herd: Herd) -> None:
    herd.load()
    herd.stay("a1")
    for _ in range(3):
        herd.tracklet(1, 2, animal=None)
    assert day_of(herd)["tracked_s"] == HOUR


def test_the_roster_may_change_within_the_day(herd: Herd) -> None:
    herd.load()
    herd.stay("a1")
    herd.stay("a2", start=12)
    herd.tracklet(11, 13, animal=None)
    assert day_of(herd, "a1")["tracked_s"] == pytest.approx(1.5 * HOUR), "an hour alone, half of one beside the other"
    assert day_of(herd, "a2")["tracked_s"] == pytest.approx(0.5 * HOUR)


def test_disjoint_cameras_add_their_animals(herd: Herd) -> None:
    herd.load(cameras={"c1": "p1", "c2": "p1", "c3": "p1"})
    place = {"pen_id": "p1", "device_id": "d1", "valid_from": at(-1000), "valid_to": None}
    version = {"recorded_at": at(-1000), "retracted": False, "source": "test"}
    herd.insert("roster.camera", {"camera_id": "c1", "disjoint_from": ["c2", "c3"]} | place | version)
    for camera in ("c1", "c1", "c2", "c3"):
        herd.tracklet(1, 2, animal=None, camera=camera)
    assert herd.query("SELECT animals FROM pen_tracked") == [(3,)], "two by c1, and one that c2 and c3 both may see"


@pytest.mark.parametrize(("start", "end", "animals"), [(0, 24, 2), (-48, None, 2), (6, None, 1), (-48, 6, 1)])
def test_cameras_are_disjoint_only_while_the_roster_says_so(
    herd: Herd, start: float, end: float | None, animals: int
) -> None:
    herd.load(cameras={"c1": "p1", "c2": "p1"})
    place = {"pen_id": "p1", "device_id": "d1", "disjoint_from": ["c2"]}
    valid = {"valid_from": at(start), "valid_to": None if end is None else at(end)}
    version = {"recorded_at": at(-1000), "retracted": False, "source": "test"}
    herd.insert("roster.camera", {"camera_id": "c1"} | place | valid | version)
    for camera in ("c1", "c2"):
        herd.tracklet(1, 2, animal=None, camera=camera)
    assert herd.query("SELECT animals FROM pen_tracked") == [(animals,)], "all day or not at all"


def test_lying_bouts_bridge_a_minute_unseen_but_not_more(herd: Herd) -> None:
    herd.load()
    t = herd.tracklet(0, 10)
    minute = 1 / 60
    herd.bout(t, 1, 2, "lying")
    herd.bout(t, 2, 3, "sleeping")
    herd.bout(t, 3 + minute, 4, "lying")
    herd.bout(t, 4 + 2 * minute, 5, "lying")
    herd.bout(t, 5, 6, "standing")
    herd.bout(t, 6, 7, "lying")
    row = day_of(herd)
    assert row["lying_bouts"] == 3
    assert row["mean_lying_bout_s"] == pytest.approx((5 * HOUR - 3 * 60) / 3)


def test_lying_bouts_that_reach_midnight_are_counted_as_cut(herd: Herd) -> None:
    herd.load()
    t = herd.tracklet(0, 24)
    herd.bout(t, 0, 2, "sleeping")
    herd.bout(t, 2, 3, "lying")  # the same bout
    herd.bout(t, 3, 5, "standing")
    herd.bout(t, 5, 6, "lying")
    herd.bout(t, 6, 20, "standing")
    herd.bout(t, 20, 24 - 30 / 3600, "lying")  # half a minute before midnight
    row = day_of(herd)
    assert (row["lying_bouts"], row["lying_bouts_cut"]) == (3, 2)


def test_one_bout_all_day_is_cut_once(herd: Herd) -> None:
    herd.load()
    herd.bout(herd.tracklet(0, 24), 0, 24, "lying")
    assert (day_of(herd)["lying_bouts"], day_of(herd)["lying_bouts_cut"]) == (1, 1)


def test_observed_and_never_lying_is_zero_bouts(herd: Herd) -> None:
    herd.load()
    herd.bout(herd.tracklet(1, 2), 1, 2, "eating")
    row = day_of(herd)
    assert (row["lying_s"], row["lying_bouts"], row["lying_bouts_cut"], row["mean_lying_bout_s"]) == (0, 0, 0, None)


def test_every_behaviour_of_the_ethogram_has_a_row_while_observed(herd: Herd) -> None:
    herd.load()
    herd.bout(herd.tracklet(1, 2), 1, 2, "eating")
    rows = herd.query("SELECT behaviour, posture, seconds, bouts, behaviour_s FROM animal_day_behaviour")
    assert len(rows) == 9
    assert ("eating", "standing", HOUR, 1, HOUR) in rows
    assert ("sleeping", "lying", 0, 0, HOUR) in rows


def two_behaviours(herd: Herd) -> None:
    """A release m2 that knows lying and walking only."""
    release = {"engine": "x", "space_id": "s", "dimensions": 2, "ethogram_id": "two"}
    herd.insert("record.model_release", {"load_id": "l1", "release_id": "m2"} | release)
    ethogram = {"ethogram_id": "two", "species": "pig", "version": 1, "recorded_at": at(0)}
    for behaviour in ("lying", "walking"):
        posture = "lying" if behaviour == "lying" else "standing"
        herd.insert("record.ethogram", ethogram | {"behaviour": behaviour, "posture": posture})


def test_where_two_ethograms_share_a_day_each_behaviour_has_its_own_denominator(herd: Herd) -> None:
    herd.load()
    two_behaviours(herd)
    t = herd.tracklet(1, 7)
    herd.bout(t, 1, 2, "eating")
    herd.bout(t, 2, 3, "lying")
    herd.bout(t, 3, 6, "lying", release="m2")
    herd.bout(t, 6, 7, "undescribed", release="m3")
    rows = {b: (s, d) for b, s, d in herd.query("SELECT behaviour, seconds, behaviour_s FROM animal_day_behaviour")}
    assert rows["eating"] == (HOUR, 2 * HOUR), "the release of three hours does not know eating"
    assert rows["lying"] == (4 * HOUR, 5 * HOUR)
    assert rows["walking"] == (0, 5 * HOUR)
    assert rows["undescribed"] == (HOUR, HOUR)
    assert day_of(herd)["behaviour_s"] == 6 * HOUR


def test_a_behaviour_that_the_ethogram_lacks_is_null(herd: Herd) -> None:
    herd.load()
    two_behaviours(herd)
    herd.bout(herd.tracklet(1, 2), 1, 2, "lying", release="m2")
    row = day_of(herd)
    assert (row["lying_s"], row["walking_s"], row["eating_s"], row["sleeping_s"]) == (HOUR, 0, None, None)


def test_distance_is_metres_over_observed_seconds(herd: Herd) -> None:
    herd.load()
    t = herd.tracklet(1, 3)
    herd.activity(t, 1, 1800, 10, body_length_m=1.0)
    herd.activity(t, 2, 3600, 30, body_length_m=1.3)
    row = day_of(herd)
    assert (row["distance_m"], row["distance_observed_s"]) == (40, 5400)
    assert row["mean_speed_m_s"] == pytest.approx(40 / 5400)
    assert row["body_length_m"] == pytest.approx((1800 * 1.0 + 3600 * 1.3) / 5400)


def test_overlapping_cameras_do_not_walk_twice(herd: Herd) -> None:
    herd.load(cameras={"c1": "p1", "c2": "p1"})
    t, u = herd.tracklet(1, 2), herd.tracklet(1.5, 2, camera="c2")
    herd.activity(t, 1, 3600, 36)
    herd.activity(u, 1, 1800, 18)
    row = day_of(herd)
    assert (row["distance_m"], row["distance_observed_s"]) == (pytest.approx(36), 3600)


def test_overlapping_cameras_that_see_the_animal_half_of_the_time_count_it_once(herd: Herd) -> None:
    """Both watched the whole hour and detected it in every second frame: half an hour observed, not a whole one."""
    herd.load(cameras={"c1": "p1", "c2": "p1"})
    for camera in ("c1", "c2"):
        herd.activity(herd.tracklet(1, 2, camera=camera), 1, 1800, 18)
    hour = herd.one("FROM animal_hour")
    assert (hour["observed_s"], hour["distance_observed_s"], hour["distance_m"]) == (1800, 1800, 18)


def test_only_the_cameras_in_metres_share_the_metres(herd: Herd) -> None:
    herd.load(cameras={"c1": "p1", "c2": "p1"})
    herd.activity(herd.tracklet(1, 2), 1, 1800, 18)
    herd.activity(herd.tracklet(1, 2, camera="c2"), 1, 3600, None)
    hour = herd.one("FROM animal_hour")
    assert (hour["observed_s"], hour["distance_observed_s"], hour["distance_m"]) == (2700, 1800, 18)


def test_without_a_calibration_there_is_no_distance(herd: Herd) -> None:
    herd.load(cameras={"c1": "p1", "c2": "p1"})
    herd.activity(herd.tracklet(1, 2), 1, 3600, None)
    assert day_of(herd)["distance_m"] is None
    herd.activity(herd.tracklet(2, 3, camera="c2"), 2, 3600, 5)
    row = day_of(herd)
    assert (row["distance_m"], row["distance_observed_s"]) == (5, 3600), "only what was measured in metres"


def test_a_day_may_have_25_hours(herd: Herd) -> None:
    herd.load(hours=25, on=(0, 25))
    herd.stay("a1")
    herd.tracklet(0, 25)
    row = day_of(herd)
    assert row["camera_on_s"] == row["tracked_s"] == row["identified_s"] == 25 * HOUR


seen = st.tuples(st.integers(0, 1438), st.integers(1, 600), st.integers(1, 100)).map(
    lambda p: (p[0] / 60, min(p[0] + p[1], 1440) / 60, p[2] / 100)
)
"""Hours from and to, and the share of that time in which the animal was detected."""

FIGURES = "camera_on_s, tracked_s, identified_s, behaviour_s, lying_s, distance_observed_s, distance_m"


def walk(herd: Herd, tracklet: str, start: float, end: float, detected: float) -> None:
    """Activity at 0.01 m/s in each hour."""
    for hour in range(int(start), math.ceil(end)):
        observed_s = (min(end, hour + 1) - max(start, hour)) * HOUR * detected
        herd.activity(tracklet, hour, observed_s, observed_s / 100)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(one=st.lists(seen, min_size=1, max_size=5), two=st.lists(seen, max_size=5))
def test_denominators_nest_and_a_second_camera_over_the_same_time_adds_none(
    one: list[tuple[float, float, float]], two: list[tuple[float, float, float]]
) -> None:
    def work_out(*, copies: bool) -> dict[str, float]:
        with Herd() as herd:
            herd.load(cameras={"c1": "p1", "c2": "p1"})
            herd.stay("a1")
            for start, end, detected in one + two:
                for camera in ("c1", "c2") if copies else ("c1",):
                    t = herd.tracklet(start, end, camera=camera)
                    herd.bout(t, start, end, "lying")
                    walk(herd, t, start, end, detected)
            return herd.one(f"SELECT {FIGURES} FROM animal_day")

    alone = work_out(copies=False)
    assert alone["lying_s"] == alone["behaviour_s"] <= alone["identified_s"] + 1e-6
    assert alone["identified_s"] <= alone["tracked_s"] + 1e-6 <= alone["camera_on_s"] + 2e-6 <= 25 * HOUR
    assert alone["distance_observed_s"] <= alone["identified_s"] + 0.01, "observed seconds are 32-bit floats"
    assert alone["distance_m"] == pytest.approx(alone["distance_observed_s"] / 100, rel=1e-5)
    assert work_out(copies=True) == pytest.approx(alone, rel=1e-6)


def test_a_day_is_found_by_its_date(herd: Herd) -> None:
    for n in range(3):
        herd.load(f"l{n}", day=date(2026, 3, 2 + n))
    herd.stay("a1")
    assert herd.query("SELECT count(*) FROM animal_day WHERE day = DATE '2026-03-03'") == [(1,)]
    assert herd.query("SELECT count(*) FROM animal_day") == [(3,)]
