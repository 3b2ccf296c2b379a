"""What cannot be estimated is refused: by name, and saying what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from study_tables import Table, followed, matched, pick

from herdbook.errors import EstimationError, NotIdentifiedError, SeparationError
from herdbook.studies.estimate import (
    adjust,
    conditional_logit,
    cox,
    cumulative_incidence,
    events_of,
    holm,
    icc,
    kappa,
    profile_interval,
    ratio_test,
)

SETS: Table = matched(1)
HERD: Table = followed(1)
X = pick(SETS, "a", "b", "c")


def clogit(**changed: Any) -> Any:
    """With some arguments changed."""
    return conditional_logit(**({"covariates": X, "case": SETS["case"], "sets": SETS["set"]} | changed))


def hazards(**changed: Any) -> Any:
    """With some arguments changed."""
    given = {"covariates": pick(HERD, "a", "b"), "stop": HERD["stop"], "event": HERD["cause"] > 0}
    return cox(**(given | {"start": HERD["start"]} | changed))


def holed(values: np.ndarray) -> np.ndarray:
    """With a hole in row 3."""
    return np.where(np.arange(len(values)) == 3, np.nan, values)


REFUSED: dict[str, tuple[Callable[[], Any], type[EstimationError], str]] = {
    "missing covariate": (lambda: clogit(covariates={"a": holed(SETS["a"])}), EstimationError, "a has no.* row 3"),
    "no covariate": (lambda: clogit(covariates={}), EstimationError, "No covariate"),
    "lengths": (lambda: clogit(covariates={"a": SETS["a"], "b": SETS["b"][1:]}), EstimationError, "differ in length"),
    "text": (lambda: clogit(sets=["x"] * 3), EstimationError, "sets has 3 keys where there are 400 rows"),
    "set unknown": (lambda: clogit(sets=[None, *SETS["set"][1:]]), EstimationError, "sets is missing in 1 rows"),
    "outcome": (lambda: clogit(case=SETS["case"] + 1), EstimationError, "case holds other values than 0 and 1"),
    "weight 0": (lambda: clogit(weights=np.zeros(400)), EstimationError, "weights of 0 or less"),
    "one farm": (lambda: clogit(clusters=np.zeros(400, int)), EstimationError, "in one cluster"),
    "no case": (lambda: clogit(case=np.zeros(400)), EstimationError, "No matched set has both"),
    "matched on": (lambda: clogit(covariates=X | {"farm": SETS["farm"]}), NotIdentifiedError, "matched sets: farm"),
    "twice": (lambda: clogit(covariates=X | {"d": 2 * SETS["a"]}), NotIdentifiedError, "from the others: a, d"),
    "sum": (lambda: clogit(covariates=X | {"d": SETS["a"] - SETS["b"]}), NotIdentifiedError, "others: a, b, d"),
    "one level": (lambda: clogit(covariates=X | {"breed": ["pig"] * 400}), NotIdentifiedError, "breed has the one"),
    "reference": (
        lambda: clogit(covariates={"k": ["u", "v"] * 200}, reference={"k": "w"}), EstimationError, "no level 'w'"
    ),
    "separation": (lambda: clogit(covariates=X | {"d": SETS["case"] + 1}), SeparationError, "estimate: d"),
    "empty interval": (lambda: hazards(start=HERD["stop"]), EstimationError, "300 intervals do not end after"),
    "no event": (lambda: hazards(event=np.zeros(300)), EstimationError, "No event happened"),
    "stratum": (lambda: hazards(covariates={"pen": HERD["pen"]}, strata=HERD["pen"]), NotIdentifiedError, "pen"),
    "cause": (lambda: events_of("ketosis", ["lame", None]), EstimationError, "'ketosis'; causes are lame"),
    "no cause": (lambda: cumulative_incidence([1, 2], [None, None]), EstimationError, "No event"),
    "name": (lambda: profile_interval(clogit(), "z"), EstimationError, "No covariate 'z'; there are a, b, c"),
    "weighted": (lambda: ratio_test(clogit(weights=SETS["w"]), "a"), EstimationError, "no likelihood ratio"),
    "robust": (lambda: clogit().covariance("robust"), EstimationError, "need clusters"),
    "p": (lambda: holm([0.5, 1.5]), EstimationError, "outside 0..1"),
    "primary": (lambda: adjust(["x", "y"], [0.1, 0.2], "z"), EstimationError, "'z' is not among x, y"),
    "one observer": (lambda: icc([[1.0], [2.0]]), EstimationError, "two animals and two observers"),
    "not all scored": (lambda: icc([[1.0, np.nan], [2.0, 1.0]]), EstimationError, "did not score"),
    "all alike": (lambda: icc(np.ones((4, 2))), EstimationError, "All scores are the same"),
    "unknown score": (lambda: kappa([1, 2.5], [1, 2], [1, 2, 3]), EstimationError, "not among the categories: 2.5"),
    "same score": (lambda: kappa([1, 1], [1, 1], [1, 2]), EstimationError, "beyond chance is undefined"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_it_is_refused(why: str) -> None:
    ask, error, message = REFUSED[why]
    with pytest.raises(error, match=message) as caught:
        ask()
    assert type(caught.value) is error
    assert caught.value.remedy.endswith(".")


def test_a_rare_exposure_of_cases_only_is_separation() -> None:
    """One case in 400 rows was exposed, no control."""
    rare = np.zeros(400)
    rare[np.flatnonzero(SETS["case"])[5]] = 1
    with pytest.raises(SeparationError, match=r"estimate: rare\."):
        clogit(covariates=X | {"rare": rare})


def test_a_strong_effect_is_not_separation() -> None:
    """An odds ratio in the thousands is estimated, though with a wide interval."""
    x = 8 * SETS["case"] + np.random.default_rng(0).normal(0, 2.5, 400)
    (found,) = clogit(covariates={"x": x}).estimates()
    assert np.isfinite([found.low, found.high]).all()
    assert found.low > 0.3


def test_an_extreme_value_is_borne_until_nothing_else_can_be_seen() -> None:
    for size in (1e3, 1e6):
        assert np.isfinite(
            clogit(covariates=X | {"a": np.where(np.arange(400) == 7, size, SETS["a"])}).coefficients
        ).all()
    with pytest.raises(SeparationError, match=r"estimate: a\."):
        clogit(covariates=X | {"a": np.where(np.arange(400) == 7, 1e9, SETS["a"])})


def test_tables_and_texts_are_taken() -> None:
    """A pyarrow table with a dictionary of texts, and keys of any kind."""
    parity = np.array(["first", "second", "third"])[np.arange(400) % 3]
    table = pa.table({"a": SETS["a"], "parity": pa.array(parity).dictionary_encode()})
    keys = pa.chunked_array(
        [pa.array([f"set {k}" for k in SETS["set"][:100]]), [f"set {k}" for k in SETS["set"][100:]]]
    )
    fit = conditional_logit(table, pa.array(SETS["case"] == 1), keys, reference={"parity": "third"})
    assert fit.names == ("a", "parity[first]", "parity[second]")
    plain = clogit(covariates={"a": SETS["a"], "f": parity == "first", "s": parity == "second"})
    assert fit.coefficients == pytest.approx(plain.coefficients)
    names = fit.table().column_names
    assert names == [
        "name",
        "coefficient",
        "error",
        "statistic",
        "p",
        "low",
        "high",
        "ratio",
        "ratio_low",
        "ratio_high",
    ]


def test_few_clusters_widen_the_interval() -> None:
    fit = clogit(clusters=SETS["farm"])
    plain, careful = fit.estimates()[0], fit.estimates(few_clusters=True)[0]
    assert careful.error == pytest.approx(plain.error * np.sqrt(8 / 7))
    assert (careful.high - careful.low) / careful.error == pytest.approx(2 * 2.364624)


def test_incidence_by_hand() -> None:
    """Five, one enters at 2: at 1 lame (1 of 4), at 3 culled (1 of 4), at 4 lame (1 of 3). Two leave at 5."""
    found = cumulative_incidence([1, 3, 4, 5, 5], ["lame", "culled", "lame", None, None], start=[0, 0, 2, 0, 0])
    assert found.causes == ("culled", "lame")
    assert found.at_risk.tolist() == [4, 4, 3]
    assert found.free == pytest.approx([3 / 4, 9 / 16, 3 / 8])
    assert found.cumulative[:, 0] == pytest.approx([0, 3 / 16, 3 / 16])
    assert found.cumulative[:, 1] == pytest.approx([1 / 4, 1 / 4, 1 / 4 + 9 / 16 / 3])
    assert found.at([0.5, 3.5])[:, 1] == pytest.approx([0, 1 / 4])
    since = cumulative_incidence(
        [1, 3, 4, 5, 5], ["lame", "culled", "lame", None, None], start=[0, 0, 2, 0, 0], since=2
    )
    assert since.at_risk.tolist() == [4, 3]
    assert since.table().num_rows == 4
