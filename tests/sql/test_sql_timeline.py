"""animal_timeline: what an animal did, from-to, at each instant once."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.herd import Herd, at


def timeline(herd: Herd, animal: str = "a1") -> list[tuple[float, float, str]]:
    rows = herd.query(
        f"SELECT started_at, ended_at, behaviour FROM animal_timeline WHERE animal_id = '{animal}' ORDER BY started_at"
    )
    return [((s - at(0)) / timedelta(hours=1), (e - at(0)) / timedelta(hours=1), b) for s, e, b in rows]


def test_bouts_of_an_identified_tracklet_follow_each_other(herd: Herd) -> None:
    herd.load()
    t = herd.tracklet(1, 5)
    herd.bout(t, 1, 2.5, "lying")
    herd.bout(t, 2.5, 5, "eating")
    assert timeline(herd) == [(1, 2.5, "lying"), (2.5, 5, "eating")]


def test_each_row_says_how_sure_and_who_said_so(herd: Herd) -> None:
    herd.load()
    t = herd.tracklet(1, 5, confidence=0.7)
    herd.bout(t, 1, 5, "sleeping", 0.8)
    row = herd.one("FROM animal_timeline")
    assert row["confidence"] == pytest.approx(0.7)
    assert row["probability"] == pytest.approx(0.8)
    assert (row["release_id"], row["ethogram_id"], row["posture"]) == ("m1", "pig-9", "lying")
    assert (row["farm_id"], row["pen_id"], row["seconds"], row["tracklet_ids"]) == ("f1", "p1", 4 * 3600, [t])


def test_neighbours_that_say_the_same_are_joined_across_tracklets(herd: Herd) -> None:
    herd.load()
    first, second = herd.tracklet(1, 2, confidence=1.0), herd.tracklet(2, 5, confidence=0.6)
    herd.bout(first, 1, 2, "lying")
    herd.bout(second, 2, 5, "lying")
    assert timeline(herd) == [(1, 5, "lying")]
    row = herd.one("FROM animal_timeline")
    assert row["confidence"] == pytest.approx((1 * 1.0 + 3 * 0.6) / 4), "weighted by time"
    assert row["tracklet_ids"] == [first, second]


def test_a_gap_stays_a_gap(herd: Herd) -> None:
    herd.load()
    for start in (1, 3):
        herd.bout(herd.tracklet(start, start + 1), start, start + 1, "lying")
    assert timeline(herd) == [(1, 2, "lying"), (3, 4, "lying")]


def test_where_cameras_overlap_the_most_probable_holds(herd: Herd) -> None:
    herd.load(cameras={"c1": "p1", "c2": "p1"})
    herd.bout(herd.tracklet(1, 6), 1, 6, "standing", 0.6)
    herd.bout(herd.tracklet(2, 4, camera="c2"), 2, 4, "eating", 0.9)
    herd.bout(herd.tracklet(5, 8, camera="c2"), 5, 8, "lying", 0.5)
    assert timeline(herd) == [(1, 2, "standing"), (2, 4, "eating"), (4, 6, "standing"), (6, 8, "lying")]


def test_devices_that_watch_the_same_pen_overlap_too(herd: Herd) -> None:
    herd.load("l1", device="d1", cameras={"c1": "p1"})
    herd.load("l2", device="d2", cameras={"c2": "p1"})
    herd.bout(herd.tracklet(1, 3), 1, 3, "lying", 0.6)
    herd.bout(herd.tracklet(2, 4, load="l2", camera="c2"), 2, 4, "walking", 0.7, load="l2")
    assert timeline(herd) == [(1, 2, "lying"), (2, 4, "walking")]


def test_a_change_of_model_or_pen_is_not_joined(herd: Herd) -> None:
    herd.load(cameras={"c1": "p1", "c2": "p2"})
    t = herd.tracklet(1, 3)
    herd.bout(t, 1, 2, "lying", release="m1")
    herd.bout(t, 2, 3, "lying", release="m2")
    u = herd.tracklet(3, 4, camera="c2")
    herd.bout(u, 3, 4, "lying", release="m2")
    assert timeline(herd) == [(1, 2, "lying"), (2, 3, "lying"), (3, 4, "lying")]


def test_claims_below_the_threshold_and_unknown_ones_do_not_count(herd: Herd) -> None:
    herd.load()
    herd.bout(herd.tracklet(1, 2, confidence=0.59), 1, 2, "lying")
    herd.bout(herd.tracklet(3, 4, confidence=0.6), 3, 4, "eating")
    unknown = herd.tracklet(5, 6, animal=None)
    herd.claim(unknown, None, 0.99)
    herd.bout(unknown, 5, 6, "eating")
    assert timeline(herd) == [(3, 4, "eating")]


def test_the_latest_claim_holds(herd: Herd) -> None:
    herd.load()
    t = herd.tracklet(1, 2, animal="a1")
    herd.bout(t, 1, 2, "lying")
    herd.claim(t, "a2", 0.8, recorded=31)
    assert timeline(herd, "a1") == []
    assert timeline(herd, "a2") == [(1, 2, "lying")]


def test_superseded_loads_are_not_there(herd: Herd) -> None:
    herd.load("old")
    herd.bout(herd.tracklet(1, 2, load="old"), 1, 2, "lying", load="old")
    herd.load("new", revision=2)
    herd.bout(herd.tracklet(3, 4, load="new"), 3, 4, "eating", load="new")
    assert timeline(herd) == [(3, 4, "eating")]


def test_no_row_crosses_local_midnight(herd: Herd) -> None:
    tomorrow = date(2026, 3, 3)
    herd.load("l1")
    herd.load("l2", day=tomorrow)
    herd.bout(herd.tracklet(22, 24), 22, 24, "sleeping")
    herd.bout(herd.tracklet(0, 3, load="l2", day=tomorrow), 0, 3, "sleeping", load="l2", day=tomorrow)
    assert timeline(herd) == [(22, 24, "sleeping"), (24, 27, "sleeping")]


BEHAVIOURS = ("lying", "sleeping", "standing", "eating", "walking")


@st.composite
def tracklet_with_bouts(draw: st.DrawFn) -> tuple[str, list[tuple[int, str, float]], int]:
    """A camera, bouts as (start in minutes, behaviour, probability) that tile the tracklet, and its end."""
    edges = sorted(draw(st.sets(st.integers(0, 1440), min_size=2, max_size=5)))
    bouts = [(start, draw(st.sampled_from(BEHAVIOURS)), draw(st.integers(0, 4)) / 4) for start in edges[:-1]]
    return draw(st.sampled_from(["c1", "c2"])), bouts, edges[-1]


def fill(herd: Herd, tracklets: list[tuple[str, list[tuple[int, str, float]], int]]) -> None:
    for camera, bouts, end in tracklets:
        name = herd.tracklet(bouts[0][0] / 60, end / 60, camera=camera)
        ends = [bout[0] for bout in bouts[1:]] + [end]
        for (start, behaviour, probability), stop in zip(bouts, ends, strict=True):
            herd.bout(name, start / 60, stop / 60, behaviour, probability)


def test_a_bout_of_a_posture_goes_on_over_behaviours_tracklets_and_a_minute_unseen(herd: Herd) -> None:
    herd.load()
    minute = 1 / 60
    first, second = herd.tracklet(1, 2), herd.tracklet(2 + minute, 6)
    herd.bout(first, 1, 1.5, "lying")
    herd.bout(first, 1.5, 2, "sleeping")
    herd.bout(second, 2 + minute, 3, "lying")
    herd.bout(second, 3 + 2 * minute, 4, "lying")
    herd.bout(second, 4, 5, "standing")
    herd.bout(second, 5, 6, "lying")
    begins = herd.query("SELECT posture_begins FROM animal_timeline ORDER BY started_at")
    assert begins == [(True,), (False,), (False,), (True,), (True,), (True,)]


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(tracklet_with_bouts(), min_size=1, max_size=5))
def test_whatever_the_cameras_saw_the_timeline_is_right_at_every_minute(
    tracklets: list[tuple[str, list[tuple[int, str, float]], int]],
) -> None:
    with Herd() as herd:
        herd.load(cameras={"c1": "p1", "c2": "p1"})
        fill(herd, tracklets)
        rows = timeline(herd)
        postures = herd.query(
            "SELECT started_at, ended_at, posture, posture_begins FROM animal_timeline ORDER BY started_at"
        )
    for before, after in pairwise(postures):
        assert after[3] == (after[2] != before[2] or after[0] - before[1] > timedelta(minutes=1))
    assert all(row[3] for row in postures[:1])
    assert all(first[1] <= second[0] for first, second in pairwise(rows)), "no overlap"
    assert all(start < end for start, end, _ in rows)
    told = {round(s * 60) + m: b for s, e, b in rows for m in range(round((e - s) * 60))}
    for minute in range(1440):
        active = []
        for _, bouts, end in tracklets:
            stops = [bout[0] for bout in bouts[1:]] + [end]
            active += [(p, b) for (s, b, p), e in zip(bouts, stops, strict=True) if s <= minute < e]
        best = max((p for p, _ in active), default=None)
        assert (told.get(minute) is None) == (not active)
        assert minute not in told or told[minute] in {b for p, b in active if p == best}
