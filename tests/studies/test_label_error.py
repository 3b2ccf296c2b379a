"""Wrong labels: the bias that they make is taken out again, and an interval says how far."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from herdbook.errors import EstimationError
from herdbook.studies.estimate import conditional_logit
from herdbook.studies.estimate.misclassified import misclassified
from herdbook.studies.label_error import LabelError, biased, predictive_values

EFFECT = 0.8


def matched(seed: int, sets: int, wrong: float, controls: int = 4) -> dict[str, np.ndarray]:
    """Matched sets in which a share of the cases was drawn without regard to x."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(sets, controls + 1))
    odds = np.exp(EFFECT * x)
    # labels come at the true rate plus a constant one; the latter makes `wrong` of them
    odds += wrong / (1 - wrong) * odds.mean()
    case = (rng.random(sets)[:, None] < np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)).argmax(axis=1)
    is_case = np.arange(controls + 1) == case[:, None]
    return {"x": x.ravel(), "case": is_case.ravel(), "set": np.repeat(np.arange(sets), controls + 1)}


def test_if_every_label_is_right_it_is_conditional_logistic_regression() -> None:
    t = matched(1, 400, 0)
    plain = conditional_logit({"x": t["x"]}, t["case"], t["set"], clusters=t["set"])
    sure = misclassified({"x": t["x"]}, t["case"], t["set"], 1)
    assert sure.coefficients[0] == pytest.approx(plain.coefficients[0], abs=2e-3)
    assert plain.robust is not None
    assert sure.covariance[0, 0] == pytest.approx(plain.robust[0, 0], rel=0.02)


def test_a_ratio_that_false_labels_have_blunted_is_found_again() -> None:
    t = matched(2, 4000, 0.3)
    plain = conditional_logit({"x": t["x"]}, t["case"], t["set"]).coefficients[0]
    found = misclassified({"x": t["x"]}, t["case"], t["set"], 0.7)
    error = float(np.sqrt(found.covariance[0, 0]))
    assert plain < EFFECT - 0.15
    assert abs(found.coefficients[0] - EFFECT) < 2.5 * error < 0.25


def test_the_error_is_that_of_repeated_samples() -> None:
    found = [misclassified({"x": t["x"]}, t["case"], t["set"], 0.8) for t in (matched(s, 300, 0.2) for s in range(60))]
    spread = np.std([f.coefficients[0] for f in found])
    said = np.mean([np.sqrt(f.covariance[0, 0]) for f in found])
    assert said == pytest.approx(spread, rel=0.3)


def test_the_share_that_is_right_follows_from_sensitivity_specificity_and_prevalence() -> None:
    """Of 1,000 animals 100 are ill; 60 of them and 90 of the sound are scored positive: 60 of 150 are right."""
    exact = LabelError(sensitivity=(0.6, 0.6), specificity=(0.9, 0.9), draws=100)
    values = predictive_values(exact, 150, 850, np.random.default_rng(0))
    assert values == pytest.approx(np.full(100, 0.4))


def test_draws_that_would_make_more_positives_than_there_are_do_not_count() -> None:
    rng = np.random.default_rng(0)
    some = LabelError(sensitivity=(0.6, 0.6), specificity=(0.8, 1), draws=1000)
    assert 300 < len(predictive_values(some, 100, 900, rng)) < 700
    with pytest.raises(EstimationError, match="more scorings would be positive by error alone"):
        predictive_values(LabelError(sensitivity=(0.6, 0.6), specificity=(0.8, 0.85)), 100, 900, rng)
    with pytest.raises(EstimationError, match="scorings that did not"):
        predictive_values(some, 100, 0, rng)


def test_the_interval_holds_both_errors_and_is_the_seeds() -> None:
    t = matched(3, 800, 0.2)
    stated = LabelError(predictive_value=(0.7, 0.9))

    def once(seed: int) -> dict[str, Any]:
        return biased(stated, {"x": t["x"]}, t["case"], t["set"], clusters=None, scored=(0, 0), seed=seed)

    first = once(1)
    assert first == once(1) != once(2)
    assert first["low"] < first["systematic_low"] < first["coefficient"] < first["systematic_high"] < first["high"]
    assert first["low"] < EFFECT < first["high"]
    assert (first["draws"], first["impossible"]) == (5000, 0)


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"sensitivity": [0.5, 0.6]},
        {"sensitivity": [0.5, 0.6], "specificity": [0.4, 0.9]},
        {"predictive_value": [0.9, 0.5]},
        {"predictive_value": [0.5, 0.9], "sensitivity": [0.5, 0.6], "specificity": [0.9, 1]},
    ],
)
def test_what_says_nothing_is_refused(stated: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"state sensitivity|no better than chance|lowest value"):
        LabelError.model_validate(stated)
