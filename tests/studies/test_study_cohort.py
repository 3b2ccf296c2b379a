"""Cohorts: who is at risk from when to when, what ends that, and that a planted truth is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from r_oracle import ask_r

from herdbook.errors import StudyDefinitionError
from herdbook.simulate.herd import make_herd_plan
from herdbook.studies.assemble import Assembled, assemble
from herdbook.studies.findings import fit
from herdbook.studies.incidence import incidence
from herdbook.studies.read import parse_study
from support.study import at, ill, lay, seen, stay, study
from support.study_herd import herd_source

COHORT: dict[str, Any] = {
    "kind": "cohort",
    "competing": [{"kind": "death"}, {"kind": "departure", "texts": ["culled"]}],
}


def cohort(**changes: Any) -> Any:
    design = COHORT | changes.pop("design", {})
    first = {"name": "lame", "any_of": [{"kind": "diagnosis"}], "which": "first"}
    return study(**({"design": design, "outcome": first} | changes))


def sets(assembled: Assembled) -> dict[str, list[str]]:
    """Animals by risk set, cases first."""
    found: dict[str, list[str]] = {}
    for row in assembled.rows.to_pylist():
        found.setdefault(row["set_id"], []).append(("*" if row["is_case"] else "") + row["animal_id"])
    return found


def times(assembled: Assembled) -> dict[str, tuple[int, int, str | None]]:
    """When each animal was at risk, and what that ended in."""
    assert assembled.follow is not None
    return {row["animal_id"]: (row["start"], row["stop"], row["cause"]) for row in assembled.follow.to_pylist()}


def test_an_animal_is_at_risk_from_its_wash_out_to_the_outcome_a_competing_event_or_a_censoring() -> None:
    """Time is days on the farm. The study begins on day -89, so who came before enters late."""
    stays = [
        stay("a"),
        stay("old", -99),
        stay("dies"),
        stay("culled"),
        stay("sold"),
        stay("leaves", until=at(5)),
        stay("stays"),
    ]
    labels = [
        ill("a"),
        {"animal": "dies", "day": at(3), "kind": "death"},
        {"animal": "culled", "day": at(4), "kind": "departure", "text": "culled"},
        {"animal": "sold", "day": at(4), "kind": "departure", "text": "sold"},
    ]
    found = seen(cohort(population={"since": str(at(-89)), "until": str(at(20))}), stays, labels)
    assert times(found) == {
        "a": (14, 81, "lame"),
        "old": (24, 120, None),
        "dies": (14, 84, "death"),
        "culled": (14, 85, "departure: culled"),
        "sold": (14, 85, None),
        "leaves": (14, 86, None),
        "stays": (14, 101, None),
    }


def test_a_risk_set_holds_who_is_at_risk_at_the_same_time_on_its_own_day() -> None:
    """On day 20 on the farm; b's was ten days before, c was ill before that time, d has not come that far."""
    stays = [stay("a", -20), stay("b", -30), stay("c", -50), stay("d", -10, until=at(5)), stay("q", -25, pen="q")]
    found = seen(cohort(), stays, [ill("a"), ill("c", -33)])
    risk = {row["animal_id"]: row for row in found.rows.to_pylist() if row["set_id"] == "f p/21"}
    assert {name: row["index_day"] for name, row in risk.items()} == {"a": at(0), "b": at(-10)}
    assert sets(found) == {"f p/18": ["*c", "a", "b"], "f p/21": ["*a", "b"]}
    assert risk["b"]["last_day_read"] == at(-11)


def test_age_and_calendar_are_times_too() -> None:
    stays = [stay("a", born=at(-100)), stay("b", born=at(-110)), stay("ageless")]
    assert times(seen(cohort(design={"time": "age"}), stays, [ill("a")]))["a"][1:] == (101, "lame")
    assert set(times(seen(cohort(design={"time": "age"}), stays, [ill("a")]))) == {"a", "b"}
    assert sets(seen(cohort(design={"time": "calendar"}), stays, [ill("a")])) == {"f p/90": ["*a", "ageless", "b"]}


def test_every_case_counts_if_asked_and_an_animal_is_not_at_risk_while_it_is_ill() -> None:
    asked = cohort(outcome={"name": "lame", "any_of": [{"kind": "diagnosis"}]}, errors={"cluster": "animal"})
    found = seen(asked, [stay("a"), stay("b")], [ill("a"), ill("a", 40)])
    assert found.follow is not None
    assert [(r["first_day"], r["last_day"]) for r in found.follow.to_pylist() if r["animal_id"] == "a"] == [
        (at(-66), at(0)),
        (at(14), at(40)),
        (at(54), at(275)),
    ]


def test_an_animal_that_moves_keeps_its_time_and_is_in_one_pen_a_day() -> None:
    stays = [stay("a", until=at(-10)), stay("a", -10, pen="q"), stay("b", pen="q")]
    found = seen(cohort(), stays, [ill("a")])
    assert found.follow is not None
    mine = [r for r in found.follow.to_pylist() if r["animal_id"] == "a"]
    assert [(r["pen_id"], r["start"], r["stop"], r["cause"]) for r in mine] == [
        ("p", 14, 70, None),
        ("q", 70, 81, "lame"),
    ]


def test_exposures_at_entry_are_read_once_before_the_first_day_at_risk() -> None:
    days = [lay("a", 0.7, -80, -67), lay("a", 0.1, -66, 30)]
    found = seen(cohort(design={"exposed": "at-entry"}), [stay("a"), stay("b")], [ill("a")], days)
    rows = {row["animal_id"]: row for row in found.rows.to_pylist()}
    assert rows["a"]["lying_share"] == pytest.approx(0.7)
    assert (rows["a"]["index_day"], rows["a"]["last_day_read"]) == (at(-66), at(-67))
    assert (rows["a"]["start"], rows["a"]["stop"], rows["a"]["cause"], rows["a"]["is_case"]) == (14, 81, "lame", True)
    assert (rows["b"]["cause"], rows["b"]["is_case"]) == (None, False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"design": {"competing": [{"kind": "weight"}]}}, "weight does not end an animal's time"),
        ({"outcome": {"name": "x", "any_of": [{"kind": "diagnosis"}]}}, "name animal, pen or farm"),
        ({"design": {"time": "moon"}}, "design"),
    ],
)
def test_an_impossible_cohort_is_refused(changes: dict[str, Any], said: str) -> None:
    design = COHORT | changes.pop("design", {})
    base = {"study": "s", "population": {"since": "2023-01-01", "until": "2023-12-31"}, "design": design}
    base |= {"exposure": {"primary": {"measure": "lying_share"}}}
    base |= {"outcome": {"name": "x", "any_of": [{"kind": "diagnosis"}], "which": "first"}}
    with pytest.raises(StudyDefinitionError, match=said):
        parse_study(yaml.safe_dump(base | changes))


R = """
fit <- coxph(Surv(start, stop, is_case) ~ x + strata(stratum), cluster = animal, data = rows, ties = "efron")
say("coef", coef(fit)); say("naive", sqrt(diag(fit$naive.var))); say("robust", sqrt(diag(vcov(fit))))
follow$cause <- factor(follow$cause, levels = c("none", "death", "departure: culled", "lame"))
curve <- summary(survfit(Surv(start, stop, cause) ~ 1, id = animal, data = follow))
for (state in 2:4) say(paste0("at", state), tail(curve$pstate[, state], 1))
"""


def test_a_cohort_is_rs(tmp_path: Path) -> None:
    """The hazard ratio with errors by animal, from event days only; incidence beside what competes, from all time."""
    herd = {"days": 200, "devices": 1, "pens_per_device": 2, "animals_per_pen": 15, "seed": 3}
    herd |= {"illness": {"rate_per_year": 3}, "culling": {"rate_per_year": 0.6}, "truth": {"kind": "hazard"}}
    asked = cohort(population={"since": "2023-01-16", "until": "2023-07-01"}, errors={"cluster": "animal"})
    with herd_source(make_herd_plan(herd)) as source:
        found = assemble(asked, source)
    rows, follow = found.used, found.follow
    assert follow is not None
    columns = {name: rows[name].to_pylist() for name in ("start", "stop", "is_case", "stratum")}
    columns |= {"x": [x / 0.05 for x in rows["lying_share"].to_pylist()], "animal": rows["animal_id"].to_pylist()}
    lives = {name: follow[name].to_pylist() for name in ("start", "stop")} | {"animal": follow["animal_id"].to_pylist()}
    lives |= {"cause": [cause or "none" for cause in follow["cause"].to_pylist()]}
    theirs = ask_r(tmp_path, R, {"rows": columns, "follow": lives})
    ours = fit(asked, asked.exposure.primary, rows)
    assert ours.coefficients == pytest.approx(theirs["coef"], abs=1e-6)
    assert ours.model[0, 0] ** 0.5 == pytest.approx(theirs["naive"][0], abs=1e-6)
    assert ours.robust is not None
    assert ours.robust[0, 0] ** 0.5 == pytest.approx(theirs["robust"][0], abs=1e-6)
    last = {row["cause"]: row["incidence"] for row in incidence(asked, follow, rows).to_pylist()}
    assert set(last) == {"lame", "death", "departure: culled"}
    named = {"death": "at2", "departure: culled": "at3", "lame": "at4"}
    assert last == pytest.approx({cause: theirs[at][0] for cause, at in named.items()}, abs=1e-8)
