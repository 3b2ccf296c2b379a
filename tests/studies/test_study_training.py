"""A model that learnt from a case does not measure it."""

from __future__ import annotations

from typing import Any

import pytest

from herdbook.errors import LeakageError
from support.study import at, ill, lay, seen, stay, study

TWO = [stay("a"), stay("b")]
DAYS = [lay("a", 0.6, release="m2"), lay("b", 0.5, release="m2")]


def refusal(**stated: Any) -> str | None:
    """Why the case of a is refused, for what a release was trained on; hand-written herds have the device d."""
    asked = study(trained_on=[{"release": "m2"} | stated])
    found = seen(asked, TWO, [ill("a"), ill("b", -40)], DAYS).refusal
    assert found is None or isinstance(found, LeakageError)
    return None if found is None else found.message


def test_footage_of_the_cases_window_is_refused_by_name() -> None:
    said = refusal(footage={"d": [at(-3), at(-60)]})
    assert said == f"m2 was trained on footage of d of {at(-3)}, which is in the window of case a/1"


def test_what_was_filmed_at_another_time_or_place_or_read_by_another_model_is_no_echo() -> None:
    assert refusal(footage={"d": [at(0), at(-8)], "e": [at(-3)]}) is None
    assert refusal(release="m1", footage={"d": [at(-3)]}) is None


def test_the_label_that_makes_the_case_is_refused_by_name_and_no_other() -> None:
    """Labels of hand-written herds are numbered."""
    assert refusal(labels=["l0"]) == "m2 was trained on label l0, an outcome of the animal of case a/1"
    assert refusal(labels=["elsewhere"]) is None


@pytest.mark.parametrize("stated", [(), ({"release": "m1"},)])
def test_what_nobody_stated_is_told(stated: Any) -> None:
    from herdbook.studies.training import unstated

    asked = study(trained_on=stated)
    found = seen(asked, TWO, [ill("a")], DAYS)
    assert unstated(found.releases, asked.trained_on) == ["m2"]
