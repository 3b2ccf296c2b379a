"""Alerts of a device: what raises one, what never does, and that nothing is said twice."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.contracts.alert_message import Outcome
from herdbook.contracts.alerts import AlertRules, CrowdingRule, Subject, default_rules, parse_rules
from herdbook.contracts.ethogram import all_ethograms
from herdbook.edge.alerts import evaluate
from herdbook.edge.alerts.crowding import episodes
from herdbook.edge.alerts.crowds import crowd_share
from herdbook.edge.alerts.evaluate import Evaluation
from herdbook.edge.alerts.feeder import absences
from herdbook.edge.alerts.spans import merged, total, within
from herdbook.errors import ReleaseDataError
from support.alert_days import HOUR, OFF_FEED, RULES, Bout, midnight, raised, summarise, usual

np = pytest.importorskip("numpy")

SPANS = st.lists(st.tuples(st.floats(0, 200), st.floats(0, 200)), max_size=12).map(
    lambda pairs: merged((min(p) * HOUR, max(p) * HOUR) for p in pairs)
)


def test_an_animal_that_eats_as_usual_raises_nothing(tmp_path: Path) -> None:
    assert raised(tmp_path, *(summarise(day, {"a1": usual()}) for day in range(3))) == ()


def test_an_animal_that_stops_eating_is_told_once_and_cleared_when_it_eats(tmp_path: Path) -> None:
    fed, hungry = {"a1": usual(), "a2": usual()}, {"a1": usual(()), "a2": usual()}
    (alert,) = raised(tmp_path, summarise(0, fed), summarise(1, hungry))
    assert (alert.rule_id, alert.about, alert.animal_id, alert.pen_id) == ("off-feed", Subject.ANIMAL, "a1", "pen-1")
    assert (alert.began_at.timestamp(), alert.raised_at.timestamp()) == (
        midnight(0) + 18.25 * HOUR,
        midnight(1) + 6.25 * HOUR,
    )
    assert (alert.ended_at, alert.evidence.measured, alert.evidence.threshold) == (None, 29.75 * HOUR, 12 * HOUR)
    assert alert.evidence.observed_s == 12 * HOUR
    assert alert.evidence.clips == ("clip-0-18.mp4", "clip-1-6.mp4"), "of its camera, whoever they show"
    (over,) = raised(tmp_path, summarise(2, fed))
    assert (over.alert_id, over.outcome, over.change) == (alert.alert_id, Outcome.OVER, alert.change + 1)
    assert over.ended_at is not None
    assert over.ended_at.timestamp() == midnight(2) + 6 * HOUR


def test_a_camera_that_was_off_is_a_gap_and_no_absence(tmp_path: Path) -> None:
    days = [summarise(0, {"a1": usual()})]
    days += [summarise(day, {"a1": usual(())}, off=[(0.0, 8.0), (16.0, 24.0)]) for day in (1, 2)]
    assert raised(tmp_path, *days) == ()


def test_of_an_animal_that_is_lost_from_sight_nobody_knows_more(tmp_path: Path) -> None:
    fed = {"a1": usual(), "a2": usual()}
    hungry = {"a1": [Bout(0, 20)], "a2": usual()}
    (alert,) = raised(tmp_path, summarise(0, fed), summarise(1, hungry))
    assert alert.outcome is Outcome.LOST


def test_a_better_revision_of_the_day_withdraws_the_alert(tmp_path: Path) -> None:
    fed, hungry = {"a1": usual(), "a2": usual()}, {"a1": usual(()), "a2": usual()}
    (alert,) = raised(tmp_path, summarise(0, fed), summarise(1, hungry))
    (gone,) = raised(tmp_path, summarise(1, fed))
    assert (gone.alert_id, gone.outcome) == (alert.alert_id, Outcome.WITHDRAWN)


def test_where_no_visit_was_ever_seen_nothing_is_said_of_visits(tmp_path: Path) -> None:
    assert raised(tmp_path, *(summarise(day, {"a1": usual(())}) for day in range(3))) == ()


def test_lying_far_above_its_own_days_is_told_when_the_day_is_over(tmp_path: Path) -> None:
    days = [summarise(day, {"a1": usual(lying=14 + 0.3 * (day % 3))}) for day in range(8)]
    ill = summarise(8, {"a1": usual(lying=20)})
    partial = ill.model_copy(update={"final": False})
    assert raised(tmp_path, *days, partial) == ()
    (alert,) = raised(tmp_path, ill)
    assert (alert.rule_id, alert.animal_id, alert.raised_at.timestamp()) == ("lying", "a1", midnight(9))
    assert alert.evidence.baseline is not None
    assert alert.evidence.baseline.days == 8
    assert alert.evidence.measured == pytest.approx(20 / 24, abs=1e-3)
    still = raised(tmp_path, summarise(9, {"a1": usual(lying=20)}))
    assert still == (alert,), "a run of such days is one episode"
    (over,) = raised(tmp_path, summarise(10, {"a1": usual(lying=14)}))
    assert over.outcome is Outcome.OVER
    assert raised(tmp_path, summarise(11, {"a1": usual(lying=20)}))[0] == over, "the next day is another episode"
    assert len(raised(tmp_path, summarise(12, {"a1": usual(lying=20)}))) == 2


def test_days_of_another_release_are_no_baseline(tmp_path: Path) -> None:
    days = [summarise(day, {"a1": usual(lying=14)}, release_id="motion-1") for day in range(8)]
    assert raised(tmp_path, *days, summarise(8, {"a1": usual(lying=20)}, release_id="compact-1")) == ()


def test_too_short_a_history_says_nothing(tmp_path: Path) -> None:
    days = [summarise(day, {"a1": usual(lying=14)}) for day in range(4)]
    assert raised(tmp_path, *days, summarise(4, {"a1": usual(lying=22)})) == ()


def test_a_day_taken_again_changes_nothing(tmp_path: Path) -> None:
    days = [summarise(0, {"a1": usual(), "a2": usual()}), summarise(1, {"a1": usual(()), "a2": usual()})]
    once = raised(tmp_path, *days)
    book = (tmp_path / "alerts" / "book.json").read_bytes()
    assert raised(tmp_path, *days, *days) == once
    assert (tmp_path / "alerts" / "book.json").read_bytes() == book
    shutil.rmtree(tmp_path / "alerts")
    assert [a.alert_id for a in raised(tmp_path, *days)] == [a.alert_id for a in once], "the names are the episodes'"


def test_a_recorder_on_its_way_through_the_day_again_takes_nothing_back(tmp_path: Path) -> None:
    fed = summarise(0, {"a1": usual(), "a2": usual()})
    evening = summarise(1, {"a1": usual(()), "a2": usual()}, until=20, final=False)
    morning = summarise(1, {"a1": usual(())[:1], "a2": usual()}, until=2, final=False, off=[(2.0, 24.0)])
    assert len(raised(tmp_path, fed)) == 0
    (alert,) = raised(tmp_path, evening, issued=False)
    assert raised(tmp_path, morning, issued=False) == (alert,)


@pytest.mark.parametrize("step", ["summary", "book"])
def test_an_evaluation_killed_anywhere_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    fed, hungry = {"a1": usual(), "a2": usual()}, {"a1": usual(()), "a2": usual()}
    raised(tmp_path, summarise(0, fed))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    evaluation = Evaluation(tmp_path, "barn-1", RULES)
    with monkeypatch.context() as patch:
        place = (evaluate, "write_durably") if step == "summary" else (evaluation.store, "write")
        patch.setattr(*place, killed)
        with pytest.raises(KeyboardInterrupt):
            evaluation.take(summarise(1, hungry), issued=True)
    (alert,) = raised(tmp_path, summarise(1, hungry))
    (other,) = raised(tmp_path / "whole", summarise(0, fed), summarise(1, hungry))
    assert alert == other


def test_a_book_that_cannot_be_read_begins_where_the_platform_was(tmp_path: Path) -> None:
    days = [summarise(0, {"a1": usual(), "a2": usual()}), summarise(1, {"a1": usual(()), "a2": usual()})]
    (alert,) = raised(tmp_path, *days)
    store = Evaluation(tmp_path, "barn-1", RULES).store
    assert store.acknowledge(alert.change)
    assert store.page().alerts == ()
    (tmp_path / "alerts" / "book.json").write_bytes(b"torn")
    (again,) = raised(tmp_path, *days)
    assert again.alert_id == alert.alert_id
    assert store.page().alerts == (again,)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(SPANS, SPANS)
def test_unobserved_time_never_raises_an_alert(
    seen: list[tuple[float, float]], eaten: list[tuple[float, float]]
) -> None:
    for absence in absences(OFF_FEED, seen, eaten, 200 * HOUR):
        stretch = within(seen, absence.began, absence.raised)
        assert total(stretch) >= 12 * HOUR - 0.01, "so much was observed"
        assert total(stretch) >= 0.8 * (absence.raised - absence.began) - 0.01
        gaps = [b[0] - a[1] for a, b in itertools.pairwise(stretch)]
        assert max(gaps, default=0) <= 45 * 60, "in a longer gap it may have eaten"
        inside = within(eaten, absence.began + 1e-6, absence.raised - 1e-6)
        assert total(inside) == 0, "it was not at the feeder"


CROWD = CrowdingRule(rule_id="huddle", share=0.8, minutes=10, distance=1.0, neighbours=2, observed_share=0.8)


@given(st.dictionaries(st.integers(0, 200), st.floats(0, 1), max_size=150))
def test_no_crowd_is_told_of_minutes_that_nobody_looked_at(known: dict[int, float]) -> None:
    minutes = sorted(known)
    for episode in episodes(CROWD, minutes, [known[m] for m in minutes], 201):
        looked = [known[m] for m in minutes if episode.raised - 10 <= m < episode.raised]
        assert len(looked) >= 8
        assert sum(looked) / len(looked) >= 0.8 - 1e-6


def test_animals_that_stand_together_are_a_crowd() -> None:
    heap = np.array([[0, 0, 50], [10, 0, 50], [0, 10, 50], [200, 200, 50]], float)
    assert crowd_share(CROWD, heap, ()) == 0.75
    assert crowd_share(CROWD.model_copy(update={"distance": None, "zone": "feeder"}), heap, ()) is None


@pytest.mark.parametrize("ethogram_id", [ethogram.ethogram_id for ethogram in all_ethograms()])
def test_every_ethogram_has_rules_of_its_own(ethogram_id: str) -> None:
    raw = default_rules(ethogram_id)
    assert parse_rules(raw).ethogram_id == ethogram_id
    assert parse_rules(raw).to_bytes() == raw == default_rules(ethogram_id)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hours": 0}, "hours"),
        ({"behaviours": ["flying"]}, "no behaviour 'flying'"),
        ({"unknown": 1}, "unknown"),
        ({"observed_share": 1.5}, "observed_share"),
    ],
)
def test_rules_that_cannot_be_are_refused_with_the_reason(change: dict[str, object], said: str) -> None:
    rules = AlertRules(ethogram_id="pig-9", rules=(OFF_FEED,)).model_dump(mode="json")
    rules["rules"][0] |= change
    with pytest.raises(ReleaseDataError, match=said):
        parse_rules(json.dumps(rules).encode())
