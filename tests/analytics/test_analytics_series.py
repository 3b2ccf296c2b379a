"""Bouts cut by gaps, gaps themselves, growth and heat."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.analytics.coverage import Span, cut, gaps, union
from herdbook.analytics.growth import fit_growth
from herdbook.analytics.heat import heat_signs, may_cycle
from herdbook.analytics.spells import Spells, product_limit, spell_days

MIDNIGHT = datetime(2026, 3, 1)  # noqa: DTZ001 - the farm's clock


def at(hours: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hours)


def spans(*pairs: tuple[float, float]) -> list[Span]:
    return [Span(at(a), at(b)) for a, b in pairs]


def test_product_limit_gives_the_published_example() -> None:
    """Remission of 21 patients on 6-MP, weeks (Freireich et al. 1963; Kalbfleisch, Prentice 2002, table 1.1): 23."""
    whole = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    cut_off = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    seconds = np.array([*whole, *cut_off], float)
    ended = np.array([True] * len(whole) + [False] * len(cut_off))
    assert product_limit(seconds, ended)[0] == 23


def test_without_censoring_it_is_the_plain_mean() -> None:
    seconds = np.array([5.0, 1.0, 3.0, 7.0])
    median, mean = product_limit(seconds, np.ones(4, bool))
    assert (median, mean) == (3.0, seconds.mean())


def test_bouts_cut_by_gaps_do_not_make_bouts_look_shorter() -> None:
    rng = np.random.default_rng(1)
    true = rng.exponential(3600, 4000)
    ends = rng.exponential(3600, 4000)
    median, mean = product_limit(np.minimum(true, ends), true <= ends)
    assert median == pytest.approx(3600 * np.log(2), rel=0.06)
    assert mean == pytest.approx(3600, rel=0.12)
    assert np.minimum(true, ends).mean() == pytest.approx(1800, rel=0.06), "what counting them as whole would say"


def test_bouts_by_day_count_what_was_seen_to_begin_per_observed_time() -> None:
    day = np.array([0, 0, 0, 0, 1, 2, -1])
    seen = np.array([True, True, True, False, True, True, True])
    spells = Spells(day, np.array([600.0, 1200, 1800, 9e4, 60, 60, 60]), seen, np.array([True] * 7))
    found = spell_days(spells, np.array([43200.0, 3600, 86400]))
    assert found.count[0] == 3
    assert found.per_hour[0] == pytest.approx(3 / 12)
    assert found.median_s[0] == 1200
    assert np.isnan(found.count[1]), "an hour is too little"
    assert (found.count[2], np.isnan(found.median_s[2])) == (1, True), "one bout is no median"


def test_gaps_are_what_was_not_watched_of_the_stays() -> None:
    watched = spans((0, 6), (5, 8), (10, 20))
    assert gaps(watched, spans((0, 24))) == spans((8, 10), (20, 24))
    assert gaps(watched, spans((7, 9), (12, 13))) == spans((8, 9))
    assert gaps([], spans((1, 2))) == spans((1, 2))
    assert gaps(watched, spans((0, 8.005))) == [], "less than a minute"
    assert cut(watched, spans((4, 11))) == spans((4, 8), (10, 11))


pieces = st.lists(st.tuples(st.integers(0, 48), st.integers(0, 48)).map(lambda p: (min(p), max(p))), max_size=6)


@given(pieces, pieces)
def test_watched_and_gaps_together_are_the_whole(watched: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    on, within = spans(*watched), spans(*asked)
    seen, missed = cut(on, within), gaps(on, within)
    assert sum(s.seconds for s in seen) + sum(s.seconds for s in missed) == sum(s.seconds for s in union(within))
    assert union([*seen, *missed]) == union(within)


def gompertz(age: np.ndarray) -> np.ndarray:
    return np.asarray(220 * np.exp(-np.exp(-0.011 * (age - 110))))


def test_growth_finds_the_curve_that_made_the_weights() -> None:
    rng = np.random.default_rng(1)
    age = np.arange(30.0, 300, 10)
    found = fit_growth(age, gompertz(age) + rng.normal(0, 1.5, len(age)))
    assert found is not None
    assert found.model == "gompertz"
    assert found.parameters == pytest.approx([220, 0.011, 110], rel=0.08)
    line = fit_growth(age, 20 + 0.8 * age + rng.normal(0, 1.5, len(age)))
    assert line is not None
    assert (line.model, line.gain(100.0)) == ("linear", pytest.approx(0.8, abs=0.02))


def test_ninety_five_of_a_hundred_next_weighings_lie_in_the_interval() -> None:
    rng = np.random.default_rng(2)
    age = np.arange(60.0, 200, 23)  # seven: a straight line
    held, n = 0, 300
    for _ in range(n):
        found = fit_growth(age, 20 + 0.8 * age + rng.normal(0, 2, len(age)))
        assert found is not None
        low, high = found.interval(np.array([220.0]))
        held += int(low[0] <= 20 + 0.8 * 220 + rng.normal(0, 2) <= high[0])
    assert 0.92 <= held / n <= 0.98


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 900), st.floats(0.1, 900)), max_size=15))
def test_any_weights_give_a_curve_or_none_but_no_fault(weights: list[tuple[float, float]]) -> None:
    time, size = (np.array([pair[k] for pair in weights]) for k in (0, 1))
    found = fit_growth(time, size)
    if found is not None:
        low, high = found.interval(np.array([950.0]))
        assert low[0] <= high[0]
    assert len(set(time.tolist())) >= 2 or found is None


def test_heat_is_short_and_comes_back_after_a_cycle() -> None:
    score = np.zeros(90)
    score[[10, 31, 32, 52]] = 5.0
    score[70:80] = 6.0
    found = heat_signs(score)
    assert [(s.first, s.last, s.cycle) for s in found] == [(10, 10, None), (31, 32, 21), (52, 52, 21)]


@pytest.mark.parametrize(
    ("species", "sex", "age", "may"),
    [
        ("pig", "female", 200, True),
        ("pig", None, 200, True),
        ("pig", "castrated", 200, False),
        ("pig", "female", 90, False),
        ("pig", "female", None, False),
        ("hen", "female", 900, False),
    ],
)
def test_heat_is_looked_for_where_it_can_be(species: str, sex: str | None, age: float | None, may: bool) -> None:
    assert may_cycle(species, sex, age) is may
