"""Who is a case, who is a control, and what is read of them: each rule on a herd that fits on a hand."""

from __future__ import annotations

from typing import Any

import pytest

from herdbook.errors import ModelMixError
from herdbook.studies.assemble import Assembled, assemble
from herdbook.studies.findings import find
from herdbook.studies.sensitivity import sensitive
from herdbook.studies.steps import Step
from support.study import at, by_hand, ill, lay, left_out, members, seen, stay, study

TWO = [stay("a"), stay("b")]


def outcome(**more: Any) -> dict[str, Any]:
    return {"name": "lame", "any_of": [{"kind": "diagnosis"}], **more}


def exposure(**more: Any) -> dict[str, Any]:
    return {"primary": {"measure": "lying_share", "per": 0.05}, **more}


def row(assembled: Assembled, animal: str) -> dict[str, Any]:
    [found] = [r for r in assembled.rows.to_pylist() if r["animal_id"] == animal]
    return dict(found)


# -- episodes and index days ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("second", "episodes"), [(13, 1), (14, 2)])
def test_a_label_within_the_gap_belongs_to_the_episode(second: int, episodes: int) -> None:
    assert len(left_out(seen(study(), TWO, [ill("a"), ill("a", second)]))) == episodes


def test_only_first_episodes_if_asked() -> None:
    asked = study(outcome=outcome(which="first"))
    found = left_out(seen(asked, TWO, [ill("a"), ill("a", 60)]))
    assert found == {"a/1": None, "a/2": "it is not the animal's first"}


def test_a_case_must_have_been_observed_through_the_wash_out() -> None:
    found = left_out(seen(study(), [stay("a", -13), stay("c", -14), stay("b")], [ill("a"), ill("c")]))
    assert found == {"a/1": "it was not observed through the wash-out", "c/1": None}


def test_a_case_after_it_left_is_none() -> None:
    stays = [stay("a", until=at(-1)), stay("b")]
    assert left_out(seen(study(), stays, [ill("a")])) == {"a/1": "it was in no pen of the population on its index day"}


def test_what_ends_an_animals_time_ends_its_stay() -> None:
    labels = [ill("a"), {"animal": "b", "day": at(-1), "kind": "death"}]
    assert members(seen(study(), [*TWO, stay("c")], labels)) == {"a/1": ["c"]}


@pytest.mark.parametrize(("which", "index"), [("first-seen", 0), ("midpoint", -5), ("last-sound", -10)])
def test_the_index_day_lies_between_last_sound_and_first_seen(which: str, index: int) -> None:
    found = seen(study(index={"at": which}), TWO, [ill("a", sound=at(-10))])
    assert found.cases["index_day"].to_pylist() == [at(index)]
    assert row(found, "a")["last_day_read"] == at(index - 1)


def test_an_onset_that_is_not_known_closely_enough_is_no_case() -> None:
    asked = study(index={"at": "midpoint", "longest_interval_days": 14})
    labels = [ill("a", sound=at(-15)), ill("b", sound=at(-14)), ill("c")]
    assert left_out(seen(asked, [*TWO, stay("c")], labels)) == {
        "a/1": "its onset is not known closely enough",
        "b/1": None,
        "c/1": "no day is known on which it was sound",
    }


def test_a_lower_score_on_the_same_scale_is_a_sound_day() -> None:
    asked = study(outcome=outcome(any_of=[{"kind": "lameness_score", "scale": "locomotion-1-5", "at_least": 3}]))
    score = {"animal": "a", "kind": "lameness_score"}
    labels = [
        score | {"day": at(-28), "value": 2.0, "scale": "locomotion-1-5"},
        score | {"day": at(-7), "value": 0.0, "scale": "mobility-0-3"},
        score | {"day": at(0), "value": 3.5, "scale": "locomotion-1-5"},
    ]
    assert seen(asked, TWO, labels).cases["sound_day"].to_pylist() == [at(-28)], "another scale says nothing"


# -- risk sets --------------------------------------------------------------------------------------------------------


def test_an_animal_that_falls_ill_later_may_be_a_control_and_one_that_is_ill_may_not() -> None:
    stays = [*TWO, stay("later"), stay("ill"), stay("same-day")]
    found = members(seen(study(), stays, [ill("a"), ill("later", 1), ill("ill", -3), ill("same-day")]))
    assert found["a/1"] == ["b", "later"]


def test_controls_are_of_the_cases_pen_and_were_observed_as_long() -> None:
    stays = [stay("a"), stay("b"), stay("elsewhere", pen="q"), stay("new", -13)]
    assert members(seen(study(), stays, [ill("a")])) == {"a/1": ["b"]}
    asked = study(design={"match": ["farm"]})
    assert members(seen(asked, stays, [ill("a")])) == {"a/1": ["b", "elsewhere"]}


def test_controls_may_be_matched_on_age_sex_and_entry() -> None:
    stays = [
        stay("a", born=at(-200), sex="female"),
        stay("alike", born=at(-210), sex="female"),
        stay("m1", born=at(-211), sex="female"),
        stay("male", born=at(-200), sex="male"),
        stay("early", -89, born=at(-200), sex="female"),
        stay("ageless", sex="female"),
    ]
    asked = study(design={"match": ["pen", "sex"], "age_within_days": 10, "stay_within_days": 8})
    assert members(seen(asked, stays, [ill("a")])) == {"a/1": ["alike"]}


def test_the_draw_is_the_seeds() -> None:
    stays = [stay("a"), *(stay(f"b{k}") for k in range(40))]
    draws = [members(seen(study(seed=seed), stays, [ill("a")]))["a/1"] for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    assert [len(set(draw)) for draw in draws] == [4, 4, 4]


# -- what is read -----------------------------------------------------------------------------------------------------


def test_nothing_on_the_index_day_or_within_the_lag_is_read() -> None:
    """Days outside the window may say anything: no exposure changes."""
    asked = study(exposure=exposure(window_days=7, lag_days=3))
    inside = [lay(x, 0.6, -9, -3) for x in "ab"]
    for after in (0.0, 1.0):
        outside = [lay(x, after, *span) for x in "ab" for span in ((-30, -10), (-2, 30))]
        found = seen(asked, TWO, [ill("a")], inside + outside)
        assert found.rows["lying_share"].to_pylist() == [pytest.approx(0.6)] * 2
        assert found.rows["last_day_read"].to_pylist() == [at(-3)] * 2


def test_days_count_by_how_long_they_were_observed() -> None:
    days = [lay("a", 1.0, -7, -5, hours=8), lay("a", 0.5, -4, -1, hours=24), lay("a", 0.0, -8, -8, hours=24)]
    found = row(seen(study(), TWO, [ill("a")], days), "a")
    assert found["lying_share"] == pytest.approx((3 * 8 + 4 * 12) / (3 * 8 + 4 * 24))
    assert (found["lying_share_days"], found["observed_s"]) == (7, (3 * 8 + 4 * 24) * 3600)


def test_days_observed_too_briefly_or_not_surely_the_animals_do_not_count() -> None:
    asked = study(identity={"minimum_confidence": 0.9})
    days = [lay("a", 0.5, -7, -3), lay("a", 0.9, -2, -2, hours=5.9), lay("a", 0.9, -1, -1, confidence=0.89)]
    found = row(seen(asked, TWO, [ill("a")], days), "a")
    assert (found["lying_share"], found["days"], found["left_out"]) == (pytest.approx(0.5), 5, None)


def test_too_few_days_are_missing_and_told_for_cases_and_controls_apart() -> None:
    found = seen(study(), TWO, [ill("a")], [lay("a", 0.5), lay("b", 0.5, -3, -1)])
    assert row(found, "b")["left_out"] == "observed too little"
    assert row(found, "a")["left_out"] == "no control is left beside it"
    assert [(m["role"], m["missing"]) for m in found.missing.to_pylist()] == [("case", 0), ("control", 1)]


def test_doubtful_days_weigh_less_if_asked() -> None:
    days = [lay("a", 1.0, -7, -5, confidence=0.6), lay("a", 0.5, -4, -1, confidence=0.9)]
    found = row(seen(study(identity={"weigh": "days"}), TWO, [ill("a")], days), "a")
    assert found["lying_share"] == pytest.approx((3 * 0.6 + 4 * 0.9 * 0.5) / (3 * 0.6 + 4 * 0.9))


def test_every_step_of_the_flow_adds_up() -> None:
    stays = [stay(x) for x in "abcdef"]
    labels = [ill("a"), ill("b", 20), ill("c", -75), ill("d", 40)]
    days = [lay("b", 0.5, 12, 19, hours=1), lay("c", 0.5, -30, 30)]
    found = seen(study(), stays, labels, days).flow.to_pylist()
    steps = [row["what"] for row in found]
    first = steps.index("cases, and animals at risk beside them")
    cases = {row["what"]: row["cases"] for row in found if not row["what"].startswith("left out")}
    out = [row for row in found if row["what"].startswith("left out")]
    before = sum(row["cases"] for row in out if found.index(row) < first)
    after = [(row["cases"], row["controls"]) for row in out if found.index(row) > first]
    assert cases["episodes"] == before + cases["cases, and animals at risk beside them"]
    ends = [found[steps.index(what)] for what in ("drawn", "compared")]
    drawn, compared = ((row["cases"], row["controls"]) for row in ends)
    assert drawn == tuple(kept + sum(row[k] for row in after) for k, kept in enumerate(compared))


def test_the_columns_of_the_analysis_table_are_described() -> None:
    found = seen(study(), TWO, [ill("a")])
    of_cohorts = {"stratum", "start", "stop", "cause"}
    described = set(Step("row").metadata.columns)
    assert set(found.rows.column_names) - {"lying_share", "lying_share_days"} == described - of_cohorts
    which_first = outcome(which="first")
    followed = seen(study(design={"kind": "cohort"}, outcome=which_first), TWO, [ill("a")])
    assert set(followed.rows.column_names) - {"lying_share", "lying_share_days"} == described


# -- changes of model -------------------------------------------------------------------------------------------------

SWITCHED = [
    lay("a", 0.6, -20, -1, release="m2"),
    lay("b", 0.5, -20, -1, release="m1"),
    lay("c", 0.5, -20, -1, release="m2"),
    lay("d", 0.5, -20, -4, release="m1"),
    lay("d", 0.5, -3, -1, release="m2"),
]
FOUR = [stay(x) for x in "abcd"]


def test_releases_are_not_compared_unless_the_study_says_how() -> None:
    found = seen(study(), FOUR, [ill("a")], SWITCHED)
    assert found.refusal is not None
    assert "compare what releases m1, m2 measured" in found.refusal.message
    assert "herdbook learn bridge m1 m2" in found.refusal.remedy
    assert "stratify" in found.refusal.remedy


def test_within_a_release_is_compared_what_it_saw_alone() -> None:
    found = seen(study(model_change="stratify"), FOUR, [ill("a")], SWITCHED)
    assert found.refusal is None
    assert {r["animal_id"]: r["left_out"] for r in found.rows.to_pylist()} == {
        "a": None,
        "b": "seen by another model release than its case",
        "c": None,
        "d": "its window lies across a change of model",
    }


def test_without_a_bridge_nothing_is_corrected() -> None:
    with pytest.raises(ModelMixError, match="no bridge from m1 to m2 for 'lying_share'") as refused:
        seen(study(model_change="bridge"), FOUR, [ill("a")], SWITCHED)
    assert "herdbook learn bridge m1 m2" in refused.value.remedy


def test_a_measure_that_no_bridge_speaks_of_is_refused_by_name() -> None:
    asked = study(model_change="bridge", exposure=exposure(others=[{"measure": "speed_m_s"}]))
    bridges = {"bridges": [{"from_release": "m1", "to_release": "m2", "behaviour": "lying", "difference": 0.1}]}
    with pytest.raises(ModelMixError, match="no bridge speaks of 'speed_m_s'"):
        seen(asked, FOUR, [ill("a")], SWITCHED, **bridges)


def test_a_bridge_that_may_be_wrong_gives_the_finding_at_both_ends_of_its_interval() -> None:
    """As if the end had been the difference; a bridge of too few clips says that it has no ends."""
    asked = study(model_change="bridge", design={"kind": "crossover"}, identity={"weigh": "days"})
    stays, labels = [stay(x) for x in "abc"], [ill(x) for x in "abc"]
    before, now = {"a": 0.3, "b": 0.5, "c": 0.4}, {"a": 0.45, "b": 0.6, "c": 0.38}
    days = [lay(x, share, -80, -8, release="m1") for x, share in before.items()]
    days += [lay(x, share, -7, -1, release="m2") for x, share in now.items()]

    def told(**bridge: float) -> list[dict[str, Any]]:
        lying = {"from_release": "m1", "to_release": "m2", "behaviour": "lying", "difference": 0.05, **bridge}
        with by_hand(stays, labels, days, [lying]) as source:
            found = assemble(asked, source)
            rows = sensitive(asked, source, found).to_pylist()
        first = {"variant": "itself"} | find(asked, found.used).to_pylist()[0]
        return [first, *(row for row in rows if row["about"] == "bridge")]

    itself, low, high = told(low=0.02, high=0.08)
    assert (low["variant"], high["variant"]) == (
        "bridge from m1 to m2 at its low end",
        "bridge from m1 to m2 at its high end",
    )
    assert low["coefficient"] == pytest.approx(told(difference=0.02)[0]["coefficient"])
    assert high["coefficient"] == pytest.approx(told(difference=0.08)[0]["coefficient"])
    assert low["coefficient"] > itself["coefficient"] > high["coefficient"], "what came before is lifted"
    assert [row["problem"] for row in told()[1:]] == ["the bridge has no interval: too few clips"] * 2


def test_a_bridge_turns_what_the_old_release_measured_into_the_new_ones() -> None:
    """Lying is two behaviours of the ethogram; a window of both releases is corrected day by day."""
    for first, second, sign in (("m1", "m2", 1), ("m2", "m1", -1)):
        found = seen(
            study(model_change="bridge"),
            FOUR,
            [ill("a")],
            SWITCHED,
            bridges=[
                {"from_release": first, "to_release": second, "behaviour": "lying", "difference": sign * 0.07},
                {"from_release": first, "to_release": second, "behaviour": "sleeping", "difference": sign * -0.02},
                {"from_release": first, "to_release": second, "behaviour": "eating", "difference": sign * -0.05},
            ],
        )
        shares = {r["animal_id"]: r["lying_share"] for r in found.rows.to_pylist()}
        assert shares == pytest.approx({"a": 0.6, "b": 0.55, "c": 0.5, "d": 0.5 + 0.05 * 4 / 7})
        assert found.refusal is None
