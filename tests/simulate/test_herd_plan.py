"""A herd's plan is checked before anything is drawn."""

from __future__ import annotations

import pytest

from herdbook.errors import ConfigurationError
from herdbook.simulate.herd.plan import HerdPlan, make_herd_plan


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"animals_per_pen": 0}, "animals_per_pen"),
        ({"days": 0}, "days"),
        ({"days": 365, "start_day": "2999-06-01"}, "outlive the calendar"),
        ({"species": "horse"}, "species"),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"farm_id": "../etc"}, "farm_id"),
        ({"truth": {"kind": "magic"}}, "truth"),
        ({"truth": {"kind": "onset", "latency_days": [9, 3]}}, "latency_days"),
        ({"truth": {"kind": "hazard", "window_days": 30}}, "vacancy_days"),
        ({"stays": {"stay_days": [100, 50]}}, "stay_days"),
        ({"coverage": {"followed": [0.9, 0.8]}}, "followed"),
        ({"coverage": {"days_off": 1}}, "days_off"),
        ({"identity": {"switches": 0.5}}, "switches"),
        ({"releases": []}, "releases"),
        ({"releases": [{"release_id": "a", "from_day": 3}]}, "from day 0"),
        ({"releases": [{"release_id": "a", "from_day": 0}, {"release_id": "a", "from_day": 3}]}, "same release_id"),
        ({"illness": {"rate_per_year": float("nan")}}, "rate_per_year"),
        ({"horses": 3}, "horses"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_is_not_possible_is_refused_by_name(asked: dict, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        make_herd_plan(asked)


def test_a_plan_survives_its_file() -> None:
    plan = make_herd_plan({"truth": {"kind": "onset"}, "species": "calf"})
    assert HerdPlan.model_validate(plan.model_dump(mode="json")) == plan
