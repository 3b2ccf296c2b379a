"""Estimates are the published ones."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from study_tables import Table, pick

from herdbook.studies.estimate import (
    conditional_logit,
    cox,
    icc,
    profile_interval,
    ratio_test,
    survival_curve,
)
from herdbook.studies.estimate.kappa import kappa_of_table
from herdbook.studies.estimate.multiplicity import benjamini_hochberg, holm

DATA = Path(__file__).parent / "data"

MERCAPTOPURINE = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
IN_REMISSION = [3, 5, 7, 8, 11, 12, 13, 16, 17, 18, 19, 20]
"""Places of the censored among them."""
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
"""Weeks to relapse, Freireich et al. 1963, as in Gehan 1965 (doi:10.1093/biomet/52.1-2.203)."""


def read(name: str) -> Table:
    """A table of `DATA`."""
    with (DATA / f"{name}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {column: np.array([float(row[column]) for row in rows]) for column in rows[0]}


def relapses() -> tuple[Table, np.ndarray, np.ndarray]:
    """Freireich's trial: who had the drug, weeks, relapse."""
    event = np.ones(42)
    event[:21][IN_REMISSION] = 0
    drug = np.repeat([1.0, 0.0], 21)
    return {"drug": drug}, np.array(MERCAPTOPURINE + PLACEBO), event


def test_infertility_and_abortions() -> None:
    """R's documentation, ``example(infert)``: clogit(case ~ spontaneous + induced + strata(stratum))."""
    table = read("infert")
    fit = conditional_logit(pick(table, "spontaneous", "induced"), table["case"], table["stratum"])
    rows = fit.table().to_pylist()
    assert [row["coefficient"] for row in rows] == pytest.approx([1.9859, 1.4090], abs=5e-5)
    assert [row["error"] for row in rows] == pytest.approx([0.3524, 0.3607], abs=5e-5)
    assert [row["ratio_low"] for row in rows] == pytest.approx([3.651, 2.018], abs=5e-4)
    assert [row["ratio_high"] for row in rows] == pytest.approx([14.536, 8.298], abs=5e-4)
    assert ratio_test(fit).statistic == pytest.approx(53.15, abs=0.005)
    assert fit.score_statistic == pytest.approx(48.44, abs=0.005)
    assert (fit.rows, fit.events, fit.groups, fit.left_out) == (248, 83, 83, 0)


def test_matched_pairs_give_the_ratio_of_discordant_pairs() -> None:
    """Oestrogen and endometrial cancer, Breslow & Day 1980, chapter 5: of 63 pairs 29 and 3 are discordant, 9.67."""
    pairs = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [27, 29, 3, 4], axis=0)
    case = np.tile([1, 0], 63)
    fit = conditional_logit({"oestrogen": pairs.ravel()}, case, np.repeat(np.arange(63), 2))
    (found,) = fit.estimates()
    assert found.ratio[0] == pytest.approx(29 / 3)
    assert found.error == pytest.approx(np.sqrt(1 / 29 + 1 / 3))
    # Exposure of the case in a discordant pair is binomial: its likelihood ratio interval, found by hand
    low, high = profile_interval(fit, "oestrogen")
    best = 29 * np.log(29 / 32) + 3 * np.log(3 / 32)
    for end in (low, high):
        share = 1 / (1 + np.exp(-end))
        assert 2 * (best - 29 * np.log(share) - 3 * np.log1p(-share)) == pytest.approx(3.841459, abs=1e-5)


def test_leukaemia_with_either_treatment_of_ties() -> None:
    """Kleinbaum & Klein 2012, *Survival analysis*, chapter 3: Breslow 1.509 (0.410); Efron 1.572 (0.412)."""
    x, weeks, relapse = relapses()
    for ties, coefficient, error in (("breslow", -1.509, 0.410), ("efron", -1.572, 0.412)):
        (found,) = cox(x, weeks, relapse, ties=ties).estimates()  # type: ignore[arg-type]
        assert (found.coefficient, found.error) == pytest.approx((coefficient, error), abs=6e-4)


def test_leukaemia_curve() -> None:
    """As in Collett 2015, *Modelling survival data*, and many others: S(6) = .857 (.0764), S(23) = .448 (.1346)."""
    _, weeks, relapse = relapses()
    curve = survival_curve(weeks[:21], relapse[:21])
    assert curve.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve.free == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4)
    error = np.sqrt(curve.variance[:, 0])
    assert error == pytest.approx([0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346], abs=5e-5)


def test_lung_cancer() -> None:
    """R's survival, vignette: coxph(Surv(time, status) ~ age + sex + ph.ecog, lung), 227 rows."""
    table = read("lung")
    fit = cox(pick(table, "age", "sex", "ecog"), table["time"], table["status"])
    assert fit.coefficients == pytest.approx([0.011067, -0.552612, 0.463728], abs=1e-6)
    assert [e.error for e in fit.estimates()] == pytest.approx([0.009267, 0.167739, 0.113577], abs=1e-6)
    assert ratio_test(fit).statistic == pytest.approx(30.5, abs=0.05)


def test_heart_transplants_with_late_entry() -> None:
    """Crowley & Hu's data with the transplant as a time-dependent exposure; figures as in lifelines' documentation."""
    table = read("heart")
    fit = cox(
        pick(table, "age", "year", "surgery", "transplant"),
        table["stop"],
        table["event"],
        start=table["start"],
        ties="breslow",
    )
    assert fit.coefficients == pytest.approx([0.03, -0.15, -0.64, -0.01], abs=5e-3)
    assert [e.error for e in fit.estimates()] == pytest.approx([0.01, 0.07, 0.37, 0.31], abs=5e-3)


def test_agreement_of_four_judges() -> None:
    """Shrout & Fleiss 1979, tables 2 and 4: ICC(2,1) = .29; interval as in R's psych::ICC, .019 to .761."""
    scores = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    found = icc(scores)
    assert found.value == pytest.approx(0.29, abs=5e-3)
    assert (found.low, found.high) == pytest.approx((0.019, 0.761), abs=5e-4)


def test_kappa_of_diagnoses() -> None:
    """Fleiss, Levin & Paik 2003, *Statistical methods for rates and proportions*, 18.1: .68, error .087."""
    found = kappa_of_table([[75, 1, 4], [5, 4, 1], [0, 0, 10]], np.eye(3))
    assert found.value == pytest.approx(0.68, abs=5e-3)
    assert (found.high - found.low) / 2 / 1.959964 == pytest.approx(0.087, abs=1e-3)


def test_weighted_kappa() -> None:
    """Cohen 1968: .492 without, .348 with his weights of disagreement."""
    table = 200 * np.array([[0.44, 0.07, 0.09], [0.05, 0.20, 0.05], [0.01, 0.03, 0.06]])
    disagreement = np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]])
    assert kappa_of_table(table, np.eye(3)).value == pytest.approx(0.492, abs=5e-4)
    assert kappa_of_table(table, 1 - disagreement / 6).value == pytest.approx(0.348, abs=5e-4)


def test_false_discovery_rate() -> None:
    """Benjamini & Hochberg 1995, section 4: of 15 hypotheses theirs refuses four at .05, Bonferroni's three; Holm's
    step-down refuses the same three."""
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1,
    ]
    assert (benjamini_hochberg(p) <= 0.05).sum() == 4
    assert (holm(p) <= 0.05).sum() == 3
