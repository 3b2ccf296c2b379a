"""What is normal for an animal: from the days before, never from the day itself, never across a break."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from herdbook.analytics.alarms import deviation, episodes
from herdbook.analytics.baseline import against_mates, baseline, segments
from herdbook.analytics.shares import middle, rate

NAN = float("nan")
series = arrays(float, 40, elements=st.one_of(st.floats(0, 1), st.just(NAN)))


@given(series, st.integers(0, 39), arrays(float, 40, elements=st.floats(0, 1)))
def test_no_day_is_judged_by_itself_or_by_what_came_later(values: np.ndarray, day: int, other: np.ndarray) -> None:
    before = baseline(values)
    changed = baseline(np.where(np.arange(40) >= day, other, values))
    for name in ("centre", "spread", "days"):
        assert np.array_equal(getattr(before, name)[: day + 1], getattr(changed, name)[: day + 1], equal_nan=True)


def test_the_centre_is_the_median_of_the_window_before() -> None:
    values = np.arange(50.0)
    found = baseline(values, window=28, least=10)
    assert np.isnan(found.centre[9]), "nine days are too few"
    assert found.centre[10] == np.median(values[:10])
    assert found.centre[40] == np.median(values[12:40])
    assert found.spread[40] == pytest.approx(1.4826 * np.median(np.abs(values[12:40] - found.centre[40])))
    assert found.days[40] == 28


def test_after_a_change_of_model_the_baseline_begins_anew() -> None:
    values = np.concatenate([np.full(30, 0.8), np.full(30, 0.9)])
    release = np.repeat([0, 1], 30)
    found = baseline(values, segments(release), floor=0.01)
    assert np.isnan(found.centre[30:40]).all()
    assert found.centre[40] == 0.9
    assert baseline(values, floor=0.01).centre[40] == 0.8, "without notice of it the old model would be the norm"


def test_a_few_ill_days_do_not_become_the_norm() -> None:
    values = np.full(40, 0.8)
    values[30:36] = 0.3
    assert baseline(values).centre[36] == 0.8


def test_pen_mates_are_those_of_the_day_and_not_the_animal_itself() -> None:
    values = np.array([[0.9, 0.9], [0.8, 0.8], [0.7, 0.7], [0.6, 0.6], [0.1, NAN]])
    pen = np.array([[0, 0], [0, 0], [0, 0], [0, 1], [1, 1]])
    found = against_mates(values, pen, least=3)
    assert found[0, 0] == pytest.approx(0.9 - 0.7)
    assert np.isnan(found[0, 1]), "two mates are too few"
    assert np.isnan(found[4]).all(), "alone in its pen"


@given(st.floats(-0.2, 0.2), st.integers(0, 2**32 - 1))
def test_what_befalls_the_whole_pen_is_no_difference_between_animals(shift: float, seed: int) -> None:
    values = np.random.default_rng(seed).uniform(0.3, 0.7, (6, 10))
    pen = np.zeros((6, 10), np.int64)
    moved = values.copy()
    moved[:, 5:] += shift
    assert against_mates(moved, pen) == pytest.approx(against_mates(values, pen), abs=1e-12)


def herd(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = np.random.default_rng(seed).normal(0.8, 0.02, (8, 60))
    return values, np.zeros((8, 60), np.int64), np.zeros((8, 60), np.int64)


def test_an_animal_stands_out_when_it_differs_from_itself_and_from_the_others() -> None:
    values, pen, segment = herd()
    values[3, 40:45] -= 0.15
    found = deviation(values, pen, segment)
    [episode] = episodes(found, 3)
    assert (episode.first, episode.last) == (40, 44)
    assert episode.difference == pytest.approx(-0.15, abs=0.03)
    assert episode.score < -3
    assert [k for k in range(8) if episodes(found, k)] == [3]


def test_nobody_stands_out_when_all_change() -> None:
    values, pen, segment = herd()
    values[:, 40:45] -= 0.15
    found = deviation(values, pen, segment)
    assert np.abs(found.own[:, 40]).min() > 3, "each is unlike itself"
    assert [k for k in range(8) if episodes(found, k)] == []


def test_without_mates_the_own_days_alone_decide() -> None:
    values, pen, segment = herd()
    alone = values[:1].copy()
    alone[0, 40:42] -= 0.15
    assert [(e.first, e.last) for e in episodes(deviation(alone, pen[:1], segment[:1]), 0)] == [(40, 41)]


def test_too_little_seen_is_blank_never_zero() -> None:
    found = rate(np.array([100.0, 0.0, 50.0, NAN]), np.array([20000.0, 20000.0, 100.0, NAN]))
    assert found[:2].tolist() == [0.005, 0.0]
    assert np.isnan(found[2:]).all()
    assert np.isnan(rate(np.array([1.0]), np.array([0.0]), least=0)).all(), "nothing seen is no rate"


def test_the_running_median_leaves_gaps_open() -> None:
    values = np.array([1.0] * 7 + [NAN] * 9 + [2.0] * 7)
    found = middle(values)
    assert np.isnan(found[11])
    assert (found[3], found[-4]) == (1.0, 2.0)
