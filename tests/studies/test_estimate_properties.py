"""What must not change an estimate does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from study_tables import Table, followed, matched, pick

from herdbook.errors import SeparationError
from herdbook.studies.estimate import (
    Fit,
    adjust,
    benjamini_hochberg,
    conditional_logit,
    cox,
    crossover,
    cumulative_incidence,
    events_of,
    holm,
    icc,
    kappa,
    profile_interval,
    ratio_test,
    survival_curve,
)

seeds = st.integers(0, 10_000)
some = settings(max_examples=15)
NAMES = ("a", "b", "c")


def rows(table: Table, chosen: np.ndarray) -> Table:
    """Some rows, in the order named."""
    return {name: column[chosen] for name, column in table.items()}


def clogit_of(t: Table, **more: object) -> Fit:
    """All covariates, farms as clusters."""
    return conditional_logit(pick(t, *NAMES), t["case"], t["set"], clusters=t["farm"], **more)  # type: ignore[arg-type]


def cox_of(t: Table, **more: object) -> Fit:
    """All covariates, late entry, pens as strata, farms as clusters."""
    everything = {"start": t["start"], "strata": t["pen"], "clusters": t["farm"]} | more
    return cox(pick(t, *NAMES), t["stop"], t["cause"] > 0, **everything)  # type: ignore[arg-type]


MODELS: list[tuple[Callable[..., Fit], Callable[[int], Table]]] = [
    (clogit_of, lambda seed: matched(seed, sets=40, several=True)),
    (cox_of, lambda seed: followed(seed, animals=80)),
]
both = pytest.mark.parametrize(("model", "table"), MODELS, ids=["clogit", "cox"])


def assert_equal(one: Fit, two: Fit, tolerance: float = 1e-7) -> None:
    """Coefficients, both covariances and likelihood ratio."""
    assert one.coefficients == pytest.approx(two.coefficients, abs=tolerance)
    assert one.model == pytest.approx(two.model, abs=tolerance)
    if one.robust is not None and two.robust is not None:
        assert one.robust == pytest.approx(two.robust, abs=tolerance)
    assert one.value - one.null == pytest.approx(two.value - two.null, abs=tolerance)


@both
@some
@given(seed=seeds)
def test_order_of_rows(model: Callable[..., Fit], table: Callable[[int], Table], seed: int) -> None:
    t = table(seed)
    order = np.random.default_rng(seed).permutation(len(t["a"]))
    assert_equal(model(t), model(rows(t, order)))


@both
@some
@given(seed=seeds, shift=st.floats(-1e4, 1e4), unit=st.floats(1e-3, 1e3))
def test_origin_and_unit_of_a_covariate(
    model: Callable[..., Fit], table: Callable[[int], Table], seed: int, shift: float, unit: float
) -> None:
    t = table(seed)
    there, here = model(t | {"a": t["a"] * unit + shift}), model(t)
    assert there.coefficients * [unit, 1, 1] == pytest.approx(here.coefficients, abs=1e-6)
    assert there.estimates()[0].statistic == pytest.approx(here.estimates()[0].statistic, abs=1e-5)


@both
@some
@given(seed=seeds)
def test_a_shift_of_each_group_contributes_nothing(
    model: Callable[..., Fit], table: Callable[[int], Table], seed: int
) -> None:
    """Whatever sets or strata share cancels."""
    t = table(seed)
    group = t["set"] if "set" in t else t["pen"]
    assert_equal(model(t), model(t | {"b": t["b"] + 5.0 * group}), 1e-6)


@some
@given(seed=seeds)
def test_a_weight_of_two_is_two_sets(seed: int) -> None:
    t = matched(seed, sets=40, several=True)
    chosen = t["set"] % 3 == 0
    twice = {name: np.concatenate((column, column[chosen])) for name, column in t.items()}
    twice["set"] = np.concatenate((t["set"], t["set"][chosen] + 1000))
    assert_equal(clogit_of(t, weights=np.where(chosen, 2.0, 1.0)), clogit_of(twice))


@some
@given(seed=seeds)
def test_a_weight_of_two_is_two_rows(seed: int) -> None:
    """Breslow's ties: copies of an event are tied with each other."""
    t = followed(seed, animals=80)
    chosen = t["animal"] % 3 == 0
    twice = {name: np.concatenate((column, column[chosen])) for name, column in t.items()}
    one, two = cox_of(t, weights=np.where(chosen, 2.0, 1.0), ties="breslow"), cox_of(twice, ties="breslow")
    assert_equal(one, two)


@both
@some
@given(seed=seeds)
def test_each_row_a_cluster_or_rows_of_a_cluster_together(
    model: Callable[..., Fit], table: Callable[[int], Table], seed: int
) -> None:
    """Names of clusters do not matter; that of a row is its own score."""
    t = table(seed)
    names = np.array([f"farm {k}" for k in t["farm"]])
    assert_equal(model(t), model(t | {"farm": names}))
    fit = model(t)
    score = fit.likelihood.residuals(fit.coefficients * fit.scale).sum(axis=0)
    assert score == pytest.approx(np.zeros(3), abs=1e-7)


@both
@some
@given(seed=seeds)
def test_score_and_information_are_derivatives(
    model: Callable[..., Fit], table: Callable[[int], Table], seed: int
) -> None:
    likelihood = model(table(seed)).likelihood
    beta = np.random.default_rng(seed).normal(0, 0.7, 3)
    point = likelihood.at(beta)
    slope = optimize.approx_fprime(beta, lambda b: likelihood.at(b).value, 1e-6)
    curve = optimize.approx_fprime(beta, lambda b: likelihood.at(b).score, 1e-6)
    assert point.score == pytest.approx(slope, abs=1e-3)
    assert point.information == pytest.approx(-curve, abs=1e-3)
    assert likelihood.residuals(beta).sum(axis=0) == pytest.approx(point.score, abs=1e-8)


@some
@given(seed=seeds)
def test_pairs_are_a_logistic_regression_on_differences(seed: int) -> None:
    t = matched(seed, sets=60, controls=1)
    order = np.lexsort((-t["case"], t["set"]))
    x = np.column_stack([t[name][order] for name in NAMES])
    difference = x[::2] - x[1::2]
    best = optimize.minimize(
        lambda beta: np.logaddexp(0, -difference @ beta).sum(),
        np.zeros(3),
        jac=lambda beta: -difference.T @ (1 / (1 + np.exp(difference @ beta))),
        tol=1e-12,
    )
    assert clogit_of(t).coefficients == pytest.approx(best.x, abs=1e-4)


@some
@given(seed=seeds)
def test_a_cox_model_of_sets_at_one_time_is_the_conditional_logit(seed: int) -> None:
    t = matched(seed, sets=40)
    ours = cox(pick(t, *NAMES), np.ones(len(t["a"])), t["case"], strata=t["set"], clusters=t["farm"])
    assert_equal(ours, clogit_of(t))


@some
@given(seed=seeds)
def test_no_late_entry_is_entry_before_everything(seed: int) -> None:
    t = followed(seed, animals=80)
    assert_equal(cox_of(t, start=None), cox_of(t, start=np.full(len(t["a"]), -1.0)))


@some
@given(seed=seeds)
def test_an_interval_may_be_cut(seed: int) -> None:
    """Half a day before its end; nothing happens in between."""
    t = followed(seed, animals=80)
    cut = t | {"stop": t["stop"] - 0.5, "cause": np.zeros(len(t["a"]), np.int64)}
    rest = t | {"start": t["stop"] - 0.5}
    pieces = {name: np.concatenate((cut[name], rest[name])) for name in t}
    assert_equal(cox_of(t), cox_of(pieces))


@some
@given(seed=seeds)
def test_sets_of_one_kind_tell_nothing(seed: int) -> None:
    t = matched(seed, sets=40, several=True)
    alone = {name: column[:3] for name, column in t.items()} | {"set": np.full(3, 999), "case": np.ones(3, np.int64)}
    more = {name: np.concatenate((t[name], alone[name])) for name in t}
    one, two = clogit_of(t), clogit_of(more)
    assert_equal(one, two)
    assert (two.rows, two.left_out) == (one.rows, one.left_out + 3)


@some
@given(seed=seeds)
def test_a_crossover_is_matched_by_animal_and_period(seed: int) -> None:
    t = matched(seed, sets=40, several=True)
    x = pick(t, *NAMES)
    assert_equal(crossover(x, t["case"], t["set"]), conditional_logit(x, t["case"], t["set"], clusters=t["set"]))
    split = np.arange(len(t["a"])) % 2
    periods = crossover(x, t["case"], t["set"], period=split)
    both_keys = [f"{s}/{k}" for s, k in zip(t["set"], split, strict=True)]
    assert_equal(periods, conditional_logit(x, t["case"], both_keys, clusters=t["set"]))


@both
@some
@given(seed=seeds, level=st.sampled_from([0.8, 0.95]))
def test_ends_of_a_profile_interval_are_where_the_test_turns(
    model: Callable[..., Fit], table: Callable[[int], Table], seed: int, level: float
) -> None:
    fit = model(table(seed))
    low, high = profile_interval(fit, "a", level)
    assert low < fit.coefficients[0] < high
    shifted = ratio_test(fit, "a")
    assert (shifted.p < 1 - level) == (not low <= 0 <= high)
    wald = next(e for e in fit.estimates(level, "model"))
    assert (low, high) == pytest.approx((wald.low, wald.high), abs=0.5 * wald.error)


@both
@some
@given(seed=seeds)
def test_a_covariate_that_separates_is_named(
    model: Callable[..., Fit], table: Callable[[int], Table], seed: int
) -> None:
    """In few sets a and b together may part those that c leaves."""
    t = table(seed)
    # Of a set some cases suffice; among animals those whose event is still to come are compared too.
    some_cases = np.random.default_rng(seed).random(len(t["a"])) < 0.7
    happened = t["case"] & some_cases if "case" in t else (t["cause"] > 0).astype(np.int64)
    with pytest.raises(SeparationError, match=r"No finite estimate: (a, b, )?c\."):
        model(t | {"c": happened * 2.5})


@some
@given(seed=seeds)
def test_incidences_and_freedom_from_events_sum_to_one(seed: int) -> None:
    t = followed(seed, animals=80)
    cause = [str(c) if c else None for c in t["cause"]]
    found = cumulative_incidence(t["stop"], cause, start=t["start"])
    assert found.cumulative.sum(axis=1) + found.free == pytest.approx(np.ones(len(found.times)))
    together = survival_curve(t["stop"], t["cause"] > 0, start=t["start"])
    assert together.free == pytest.approx(found.free)
    low, high = found.interval()
    assert (np.nan_to_num(low) <= found.cumulative).all()
    assert (np.nan_to_num(high, nan=1) >= found.cumulative).all()
    whole = cumulative_incidence(t["stop"] - t["stop"].min() + 1, cause)
    early = cumulative_incidence(t["stop"] - t["stop"].min() + 1, cause, start=np.zeros(len(cause)))
    assert whole.variance == pytest.approx(early.variance)


@some
@given(seed=seeds)
def test_the_variance_for_one_cause_is_greenwoods(seed: int) -> None:
    t = followed(seed, animals=60)
    curve = survival_curve(t["stop"], t["cause"] > 0, start=t["start"])
    y, d = curve.at_risk, curve.events[:, 0]
    safe = curve.free > 0
    greenwood = curve.free[safe] ** 2 * np.cumsum(d[safe] / (y[safe] * (y[safe] - d[safe])))
    assert curve.variance[safe, 0] == pytest.approx(greenwood, abs=1e-12)


@some
@given(p=st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_adjusted_p_values(p: list[float]) -> None:
    h, bh = holm(p), benjamini_hochberg(p)
    assert (h >= bh - 1e-12).all()
    assert (bh >= np.array(p) - 1e-12).all()
    assert (np.diff(h[np.argsort(p, kind="stable")]) >= 0).all()
    names = [f"x{k}" for k in range(len(p))]
    found = adjust(names, p, "x1")
    assert found[1].adjusted == p[1]
    assert [a.adjusted for a in found if not a.primary] == pytest.approx(holm(p[:1] + p[2:]).tolist())


@some
@given(seed=seeds, shift=st.floats(-10, 10))
def test_agreement(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(12, 1)) + 0.5 * rng.normal(size=(12, 3))
    found = icc(scores)
    assert found.low <= found.value <= found.high
    assert icc(scores * 3 + shift).value == pytest.approx(found.value)
    apart = icc(scores + np.array([0, 5, 10]))
    assert apart.value < found.value, "a difference in level counts against observers"
    first, second = rng.integers(1, 6, (2, 40))
    levels = [1, 2, 3, 4, 5]
    plain = kappa(first, second, levels)
    assert plain.low <= plain.value <= plain.high
    assert kappa(second, first, levels).value == pytest.approx(plain.value)
    assert kappa(first, first, levels, "quadratic").value == pytest.approx(1)
    assert kappa(first, second, levels[::-1], "linear").value == pytest.approx(
        kappa(first, second, levels, "linear").value
    )


def test_the_error_of_kappa_is_that_of_the_delta_method() -> None:
    """Numerically differentiated over a multinomial table."""
    from herdbook.studies.estimate.kappa import credit, kappa_of_table

    counts = np.random.default_rng(1).integers(1, 30, (4, 4)).astype(float)
    for kind in ("none", "linear", "quadratic"):
        w = credit(4, kind)  # type: ignore[arg-type]
        n, p = counts.sum(), counts.ravel() / counts.sum()
        slope = optimize.approx_fprime(p, lambda q, w=w: kappa_of_table(q.reshape(4, 4) * 1e3, w).value, 1e-7)
        variance = (p @ slope**2 - (p @ slope) ** 2) / n
        found = kappa_of_table(counts, w)
        assert ((found.high - found.low) / 2 / 1.959964) ** 2 == pytest.approx(variance, rel=1e-3)


def test_causes() -> None:
    assert events_of("lame", ["lame", None, "culled"]) == [True, False, False]
