"""The day level: what is always so, and that what is planted is there to be found."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.simulate.herd import herd_days, make_herd_plan
from herdbook.simulate.herd.days import HerdDays, device_days
from herdbook.simulate.herd.exposure import window_means
from herdbook.simulate.herd.hazard import CULLED, DIED, STAYED
from herdbook.simulate.herd.population import NOBODY
from support.herds import SMALL, log_rate_ratio, person_time, small_herd

EXACT: dict[str, Any] = {
    "identity": {"switches": 0},
    "coverage": {"days_off": 0, "hours_off": 0},
    "labels": {"sensitivity": 1, "false_per_year": 0, "notice_days": 0, "record_days": 0, "receive_days": 0},
}


def columns(table: Any, *names: str) -> list[np.ndarray]:
    return [table[name].to_numpy() for name in names]


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**40),
    days=st.integers(1, 60),
    pens=st.integers(1, 3),
    animals=st.integers(1, 7),
    persistence=st.sampled_from([0.0, 0.5, 0.9]),
    truth=st.sampled_from([{"kind": "hazard"}, {"kind": "onset"}, {"kind": "onset", "latency_days": [0, 0]}]),
    switches=st.sampled_from([0.0, 0.1, 0.3]),
    vacancy=st.sampled_from([8, 30]),
)
def test_whatever_the_plan_rows_are_consistent(
    *, seed: int, days: int, pens: int, animals: int, persistence: float, truth: dict, switches: float, vacancy: int
) -> None:
    changes = {
        "seed": seed,
        "days": days,
        "pens_per_device": pens,
        "animals_per_pen": animals,
        "behaviour": {"persistence": persistence},
        "truth": truth,
        "identity": {"switches": switches},
        "stays": {"stay_days": [14, 25], "vacancy_days": vacancy},
        "culling": {"rate_per_year": 2},
    }
    plan = make_herd_plan(SMALL | changes)
    herd = herd_days(plan)
    animal, day, pen, on, observed, lying = columns(
        herd.days, "animal", "day", "pen", "camera_on_s", "observed_s", "lying_s"
    )
    assert ((animal[1:] > animal[:-1]) | ((animal[1:] == animal[:-1]) & (day[1:] == day[:-1] + 1))).all()
    assert (lying >= 0).all()
    assert (lying <= observed).all()
    assert (observed <= on).all()
    assert on.max(initial=0) <= 25 * 3600
    assert (pen < plan.devices * pens).all()
    entry, leaves, cause = columns(herd.animals, "entry", "exit", "cause")
    assert (entry < days).all()
    assert ((leaves > entry) & ((cause == STAYED) == (leaves >= days))).all()
    present = np.minimum(leaves, days) - np.maximum(entry, 0)
    assert (np.bincount(animal, minlength=len(entry)) == present).all()
    sick, onset, index = columns(herd.truth_illnesses, "animal", "onset", "index")
    assert ((onset <= index) & (index < leaves[sick]) & (onset >= np.maximum(entry[sick], 0))).all()
    for (a, one), (b, following) in pairwise(zip(sick.tolist(), index.tolist(), strict=True)):
        assert a != b or following >= one + plan.illness.illness_days
    seen, when, sound, recorded, received = columns(herd.diagnoses, "animal", "day", "sound_on", "recorded", "received")
    assert ((sound < when) & (when <= recorded) & (recorded <= received) & (when < leaves[seen])).all()
    assert herd.truth_days.num_rows == herd.days.num_rows


def test_the_same_plan_is_the_same_herd_and_another_seed_another() -> None:
    plan = small_herd()
    one, two, other = (herd_days(p) for p in (plan, small_herd(), plan.model_copy(update={"seed": 1})))
    assert one.days.equals(two.days)
    assert one.truth_illnesses.equals(two.truth_illnesses)
    assert not one.days.equals(other.days)


def test_a_device_more_changes_nothing_of_the_others() -> None:
    fewer, more = small_herd(devices=1), small_herd(devices=2)
    assert np.array_equal(device_days(fewer, 0).lying_s, device_days(more, 0).lying_s)


def test_an_animals_series_begins_with_its_own_first_day() -> None:
    plan = make_herd_plan(
        {"days": 400, "behaviour": {"persistence": 0.95, "animal_sd": 0, "pen_sd": 0}, "illness": {"rate_per_year": 0}}
        | {"stays": {"stay_days": [20, 30]}}
    )
    part = device_days(plan, 0)
    a = part.animals
    new = np.nonzero((a.entry > 0) & (a.entry < plan.days))[0]
    before = np.array([part.share[a.place[k], a.planned_exit[k - 1] - 1] for k in new])
    after = part.share[a.place[new], a.entry[new]]
    assert abs(np.corrcoef(before, after)[0, 1]) < 4 / np.sqrt(len(new))
    days = part.share[part.there]
    assert days.std() == pytest.approx(0.03, rel=0.02)
    same = part.there[:, 1:] & (a.occupant[:, 1:] == a.occupant[:, :-1])
    assert np.corrcoef(part.share[:, 1:][same], part.share[:, :-1][same])[0, 1] == pytest.approx(0.95, abs=0.01)


def test_window_means_are_of_the_same_animals_days() -> None:
    part = device_days(small_herd(days=60), 0)
    rng = np.random.default_rng(0)
    there = part.animals.occupant != NOBODY
    dev = np.where(there, rng.normal(size=there.shape), 0).astype(np.float32)
    found = window_means(dev, part.animals, 5, 2)
    for place, day in np.argwhere(there)[::37].tolist():
        who = part.animals.occupant[place, day]
        span = [d for d in range(max(day - 6, 0), max(day - 1, 0)) if part.animals.occupant[place, d] == who]
        assert found[place, day] == pytest.approx(dev[place, span].mean() if span else 0, abs=1e-5)


def _herds(n: int, **changes: Any) -> list[tuple[Any, HerdDays]]:
    plans = [make_herd_plan({"seed": seed, "devices": 2} | EXACT | changes) for seed in range(n)]
    return [(plan, herd_days(plan)) for plan in plans]


@pytest.mark.parametrize("planted", [0.0, 0.5])
def test_the_planted_hazard_ratio_is_found(planted: float) -> None:
    deviations = []
    for plan, herd in _herds(8, truth={"kind": "hazard", "log_hazard_ratio": planted}):
        found, error = log_rate_ratio(*person_time(plan, herd))
        deviations.append((found - planted) / error)
    assert abs(np.mean(deviations)) < 3 / np.sqrt(len(deviations))
    assert max(map(abs, deviations)) < 4


def test_rates_are_those_of_the_plan() -> None:
    herds = _herds(6, truth={"kind": "hazard", "log_hazard_ratio": 0}, illness={"rate_per_year": 0.8})
    at_risk = [person_time(plan, herd)[1] for plan, herd in herds]
    ill, days = sum(int(e.sum()) for e in at_risk), sum(len(e) for e in at_risk)
    assert ill / days * 365.25 == pytest.approx(0.8, abs=4 * 0.8 / np.sqrt(ill))


def test_the_planted_shift_is_found_before_the_index_day_and_not_before_onset() -> None:
    inside, outside = [], []
    truth = {"kind": "onset", "shift": 0.05, "latency_days": [8, 12]}
    for _, herd in _herds(4, truth=truth, behaviour={"animal_sd": 0}):
        animal, day, exposure = columns(herd.days, "animal", "day", "exposure")
        at = {key: k for k, key in enumerate(zip(animal.tolist(), day.tolist(), strict=True))}
        for a, onset, index in zip(
            *(c.tolist() for c in columns(herd.truth_illnesses, "animal", "onset", "index")), strict=True
        ):
            rows = [at[a, d] for d in range(index - 7, index)]
            earlier = [at[a, d] for d in range(onset - 7, onset) if (a, d) in at]
            if len(earlier) == 7:
                inside.append(exposure[rows].mean())
                outside.append(exposure[earlier].mean())
    difference = np.array(inside) - np.array(outside)
    assert difference.mean() == pytest.approx(0.05, abs=4 * difference.std() / np.sqrt(len(difference)))
    assert np.mean(outside) == pytest.approx(0.8, abs=0.01)


def test_a_model_update_shifts_what_is_measured_and_nothing_that_is_so() -> None:
    releases = [{"release_id": "a", "from_day": 0}, {"release_id": "b", "from_day": 200, "shift": 0.03}]
    same = {"devices": 2} | EXACT
    plain, updated = (herd_days(make_herd_plan(same | extra)) for extra in ({}, {"releases": releases}))
    assert plain.truth_illnesses.equals(updated.truth_illnesses)
    assert plain.truth_days.equals(updated.truth_days)
    gap = updated.days["exposure"].to_numpy() - plain.days["exposure"].to_numpy()
    late = updated.days["day"].to_numpy() >= 200
    assert np.array_equal(updated.days["release"].to_numpy() == 1, late)
    assert (gap[~late] == 0).all()
    assert np.median(gap[late]) == pytest.approx(0.03, abs=1e-3)


def test_confidence_is_the_share_of_claims_that_are_right() -> None:
    herd = herd_days(make_herd_plan({"identity": {"switches": 0.05}}))
    switched, confidence = herd.truth_days["switched"].to_numpy(), herd.days["confidence"].to_numpy()
    pairs = confidence < 0.995  # the others could not be exchanged, or hardly
    assert confidence.min() >= 0.6
    assert switched.sum() / len(switched) > 0.035  # those whose look-alike is not there are not exchanged
    one = herd_days(
        make_herd_plan({"identity": {"switches": 0.05}, "stays": {"move_share": 0, "stay_days": [400, 400]}})
    )
    assert one.truth_days["switched"].to_numpy().mean() == pytest.approx(0.05, rel=0.1)
    for low, high in ((0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 0.96), (0.96, 0.995)):
        within = pairs & (confidence >= low) & (confidence < high)
        wrong = switched[within].mean()
        allowed = 4 * np.sqrt(wrong * (1 - wrong) / within.sum())
        assert 1 - confidence[within].mean() == pytest.approx(wrong, abs=allowed)


def test_switched_animals_have_each_others_records() -> None:
    plan = small_herd(identity={"switches": 0.3}, devices=1)
    part, herd = device_days(plan, 0), herd_days(plan)
    place, day = np.nonzero(part.there)
    partner = np.where(part.confusion.switched[place, day], place ^ 1, place)
    assert part.confusion.switched.any()
    assert np.array_equal(herd.days["lying_s"].to_numpy(), part.lying_s[partner, day])
    assert np.array_equal(herd.truth_days["share"].to_numpy(), part.share[place, day])


def test_culling_comes_at_its_rate_and_sooner_to_the_ill() -> None:
    culling = {"rate_per_year": 0.5, "ratio_when_ill": 6}
    plan = make_herd_plan({"culling": culling, "illness": {"rate_per_year": 3}, "devices": 10, "days": 730} | EXACT)
    herd = herd_days(plan)
    _, leaves, cause = columns(herd.animals, "entry", "exit", "cause")
    sick, index = columns(herd.truth_illnesses, "animal", "index")
    early = (cause == CULLED) | (cause == DIED)
    days = herd.days.num_rows
    ill_until = np.minimum(index + plan.illness.illness_days, np.minimum(leaves[sick], plan.days))
    ill_days = int((ill_until - index).sum())
    while_ill = int((early[sick] & (leaves[sick] <= index + plan.illness.illness_days)).sum())
    sound = int(early.sum()) - while_ill
    assert sound / (days - ill_days) * 365.25 == pytest.approx(0.5, rel=0.1)
    assert while_ill / ill_days * 365.25 == pytest.approx(3.0, rel=0.12)
    assert (cause == DIED).sum() / early.sum() == pytest.approx(0.25, abs=0.05)


def test_hours_off_bias_what_is_measured_by_the_rhythm_missed() -> None:
    plan = make_herd_plan({"coverage": {"hours_off": 1, "hours_off_length": 10, "days_off": 0}, "devices": 2})
    herd = herd_days(plan)
    on, exposure = columns(herd.days, "camera_on_s", "exposure")
    share = herd.truth_days["share"].to_numpy()
    short = (on < 10 * 3600) & (on > 0)
    assert np.abs(exposure[short] - share[short]).mean() > 0.03
    long = on > 23.5 * 3600
    assert np.abs(exposure[long] - share[long]).mean() < 0.01


def test_cameras_fail_as_often_as_planned() -> None:
    plan = make_herd_plan({"coverage": {"days_off": 0.05, "hours_off": 0}, "devices": 20})
    off = np.concatenate([(device_days(plan, d).cameras.on_s == 0).ravel() for d in range(plan.devices)])
    assert off.mean() == pytest.approx(0.05, rel=0.12)
