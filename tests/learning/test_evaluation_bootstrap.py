"""Intervals: right against textbook results, and right as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation_cases import hits, nested, sequence
from scipy import special, stats

from herdbook.learning.evaluation.bootstrap import resample
from herdbook.learning.evaluation.compare import differences, estimates
from herdbook.learning.evaluation.sequences import Sequence


def interval_of_mean(values: np.ndarray, sequences: list[Sequence], draws: int = 2000) -> tuple[float, float]:
    """Of one value per sequence."""
    plan = resample(sequences, draws=draws)
    assert plan is not None
    drawn = plan.weights @ values / plan.weights.sum(axis=1)
    found = plan.interval(float(values.mean()), drawn, -np.inf, np.inf)
    assert found is not None
    return found


def test_of_independent_sequences_it_is_students_interval() -> None:
    values = np.random.default_rng(1).normal(0.8, 0.1, 12)
    ours = interval_of_mean(values, nested(1, 1, 12), draws=20_000)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.003)


def test_of_nested_sequences_it_is_that_of_a_one_way_analysis_of_variance() -> None:
    """Balanced groups: the variance of the mean is the mean square between groups over the number of values."""
    farms, clips = 8, 6
    rng = np.random.default_rng(2)
    values = (rng.normal(0, 1, (farms, 1)) + rng.normal(0, 0.5, (farms, clips))).ravel()
    between = clips * values.reshape(farms, clips).mean(axis=1).var(ddof=1)
    reach = stats.t.ppf(0.975, farms - 1) * np.sqrt(between / values.size)
    low, high = interval_of_mean(values, nested(farms, 1, clips), draws=20_000)
    assert (high - low) / 2 == pytest.approx(reach, rel=0.03)


def test_within_few_farms_it_is_that_of_a_stratified_sample() -> None:
    """Three farms are taken as given: pens vary within each (Cochran 1977, section 5.3, equal strata)."""
    values = np.random.default_rng(3).normal(0, 1, (3, 4)) + np.array([[0.0], [10.0], [20.0]])
    plan = resample(nested(3, 4, 1), draws=20_000)
    assert plan is not None
    assert (plan.level, plan.units, plan.degrees) == ("pen", 12, 9)
    error = np.sqrt((values.var(axis=1, ddof=1) / 4).sum()) / 3
    low, high = interval_of_mean(values.ravel(), nested(3, 4, 1), draws=20_000)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 9) * error, rel=0.03)


@pytest.mark.parametrize(("between", "within"), [(1.0, 1.0), (0.2, 1.0), (1.0, 0.1), (0.0, 1.0)])
def test_it_holds_the_truth_as_often_as_it_says(between: float, within: float) -> None:
    """Farms with a spread of their own, pens and clips inside: 95 % of 500 intervals, within chance."""
    farms, pens, clips, times = 6, 2, 4, 500
    rng = np.random.default_rng(4)
    sequences = nested(farms, pens, clips)
    plan = resample(sequences, draws=500)
    naive = resample([sequence(s.sequence_id) for s in sequences], draws=500)
    assert plan is not None
    assert naive is not None
    assert (plan.level, naive.level) == ("farm", "sequence")
    shape = (times, farms, pens, clips)
    values = rng.normal(0, between, (times, farms, 1, 1)) + rng.normal(0, between / 2, (times, farms, pens, 1))
    values = (values + rng.normal(0, within, shape)).reshape(times, -1)
    held = dict.fromkeys(("nested", "naive"), 0)
    for one in values:
        for name, drawing in (("nested", plan), ("naive", naive)):
            drawn = drawing.weights @ one / drawing.weights.sum(axis=1)
            ends = drawing.interval(float(one.mean()), drawn, -np.inf, np.inf)
            assert ends is not None
            held[name] += ends[0] <= 0 <= ends[1]
    assert 0.92 <= held["nested"] / times <= 0.98
    if between == within:
        assert held["naive"] / times < 0.75, "sequences of one farm are not independent"


def test_it_holds_a_ratios_truth_too() -> None:
    """Recall near its upper end, clips of very different length: what is skewed and unbalanced in real reports."""
    rng = np.random.default_rng(5)
    held, times = 0, 400
    plan = resample(nested(8, 1, 5), draws=400)
    assert plan is not None
    expected = float(stats.norm.expect(special.expit, loc=2.5, scale=0.5))  # of a random farm
    for _ in range(times):
        boxes = rng.integers(50, 500, 40).astype(float)
        right = rng.binomial(boxes.astype(int), np.repeat(special.expit(rng.normal(2.5, 0.5, 8)), 5)).astype(float)
        ends = plan.interval(right.sum() / boxes.sum(), (plan.weights @ right) / (plan.weights @ boxes), 0, 1)
        assert ends is not None
        held += ends[0] <= expected <= ends[1]
    assert 0.90 <= held / times <= 0.98


def test_a_difference_is_paired() -> None:
    """What both find hard cancels: the interval is the one of the differences (scipy's paired t test)."""
    rng = np.random.default_rng(6)
    hard = rng.uniform(0.2, 0.9, 15)
    better = np.clip(hard + rng.normal(0.05, 0.01, 15), 0, 1)
    sequences = nested(1, 1, 15)
    found = differences(sequences, [hits(x) for x in better], [hits(x) for x in hard]).figures["recall"]
    theirs = stats.ttest_rel(better, hard).confidence_interval(0.95)
    assert found.value == pytest.approx((better - hard).mean())
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.001)
    alone = estimates(sequences, [hits(x) for x in better]).figures["recall"]
    assert alone.high - alone.low > 10 * (found.high - found.low)


@pytest.mark.parametrize(
    ("sequences", "level"),
    [(nested(5, 1, 2), "farm"), (nested(4, 2, 2), "pen"), (nested(1, 2, 3), "sequence"), (nested(2, 1, 1), "sequence")],
)
def test_what_is_drawn_is_the_largest_thing_there_are_enough_of(sequences: list[Sequence], level: str) -> None:
    plan = resample(sequences)
    assert plan is not None
    assert plan.level == level
    assert plan.weights.mean() == pytest.approx(1, abs=0.05)


def test_one_sequence_has_no_interval() -> None:
    assert resample(nested(1, 1, 1)) is None
    found = estimates(nested(1, 1, 1), [hits(0.5)]).figures["recall"]
    assert (found.value, found.low) == (0.5, None)


def test_the_same_sequences_give_the_same_interval() -> None:
    tallies = [hits(x) for x in np.linspace(0, 1, 12)]
    assert estimates(nested(6, 1, 2), tallies) == estimates(nested(6, 1, 2), tallies)
