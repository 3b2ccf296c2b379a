"""How many must prove, and who goes when."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from herdbook.errors import RolloutPolicyError
from herdbook.fleet.rollout.gates import Say, certificates, lower_bound
from herdbook.fleet.rollout.plan import Candidate, plan
from herdbook.fleet.rollout.policy import read_policy
from herdbook.ledger.rollouts import MemberPhase
from support.rollouts import member, policy

GATES = policy().gates


@pytest.mark.parametrize(("tried", "failed", "bound"), [(20, 0, 0.8609), (50, 2, 0.8794), (200, 10, 0.9167)])
def test_the_bound_is_clopper_and_pearsons(tried: int, failed: int, bound: float) -> None:
    assert lower_bound(tried, failed, 0.95) == pytest.approx(bound, abs=1e-4)
    assert lower_bound(tried, failed, 0.95) == pytest.approx(beta.ppf(0.05, tried - failed, failed + 1))


@given(tried=st.integers(1, 60), share=st.floats(0.5, 0.999))
def test_the_bound_covers_the_truth_at_least_as_often_as_it_says(tried: int, share: float) -> None:
    missed = sum(
        binom.pmf(proved, tried, share)
        for proved in range(tried + 1)
        if lower_bound(tried, tried - proved, 0.95) > share
    )
    assert missed <= 0.05 + 1e-9


def test_a_small_wave_passes_when_all_proved_and_stops_at_the_first_failure() -> None:
    assert certificates(GATES, 19, 0, 0).say is Say.PASS
    assert certificates(GATES, 18, 0, 1).say is Say.WAIT
    assert certificates(GATES, 0, 1, 18).say is Say.STOP


def test_a_large_wave_stops_as_soon_as_those_left_cannot_turn_it() -> None:
    assert certificates(GATES, 20, 0, 0).say is Say.PASS
    assert certificates(GATES, 10, 1, 9).say is Say.STOP, "19 of 20 are not enough"
    assert certificates(GATES, 100, 5, 95).say is Say.WAIT
    assert certificates(GATES, 190, 10, 0).say is Say.PASS
    assert certificates(GATES, 0, 40, 160).say is Say.STOP


def test_a_file_names_only_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("hours: {soak: 0.5}\nwaves: {by_farm: {farm-a: 2}}\n")
    changed, shipped = read_policy(file), read_policy()
    assert (changed.hours.soak, changed.hours.wave) == (0.5, shipped.hours.wave)
    assert changed.waves.by_farm == {"farm-a": 2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hours: {soak: -1}", "hours.soak"),
        ("gates: {least_share: 0.99}", "raise all_below"),
        ("wave: {sizes: [1]}", "wave"),
        ("[1, 2]", "not a mapping"),
        ("a: b: c", "not YAML"),
        ("waves: {sizes: []}", "waves.sizes"),
    ],
)
def test_what_is_no_policy_is_said(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(RolloutPolicyError, match=said):
        read_policy(file)


def test_a_canary_of_each_kind_goes_first_one_that_answers_if_any_does() -> None:
    devices = [member("a-1"), member("a-2"), member("o-1", "orin"), member("o-2", "orin")]
    placed, _ = plan(policy(), [Candidate(m, m.device_id != "a-1") for m in devices])
    assert {name for name, m in placed.items() if m.canary} == {"a-2", "o-1"}
    per_farm = policy({"canaries": {"per": ["engine_key", "farm"]}})
    placed, _ = plan(per_farm, [Candidate(member(f"a-{n}", farm_id=f"farm-{n}"), True) for n in range(3)])
    assert all(m.canary and m.wave == 0 for m in placed.values())


def test_devices_that_the_release_is_not_for_are_members_and_skipped() -> None:
    placed, _ = plan(policy(), [Candidate(member("a-1"), True), Candidate(member("o-1", "orin"), True)], {"cpu"})
    assert placed["o-1"].phase is MemberPhase.SKIPPED
    assert "orin-nx-16" in placed["o-1"].reason


@given(
    farms=st.lists(st.integers(0, 4), min_size=1, max_size=80),
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    share=st.floats(0.05, 1.0),
    most_cpu=st.integers(1, 10),
)
def test_every_device_is_in_one_wave_and_no_wave_takes_too_many(
    farms: list[int], sizes: list[int], share: float, most_cpu: int
) -> None:
    rules = policy({"waves": {"sizes": sizes, "most_of_farm": share, "by_sku": {"cpu": most_cpu}}})
    devices = [member(f"d-{n:03}", farm_id=f"farm-{farm}") for n, farm in enumerate(farms)]
    placed, waves = plan(rules, [Candidate(m, True) for m in devices])
    assert set(placed) == {m.device_id for m in devices}
    assert [wave.number for wave in waves] == list(range(len(waves)))
    rest = len(devices) - 1
    for wave in waves[1:]:
        mine = [m for m in placed.values() if m.wave == wave.number]
        assert 1 <= len(mine) <= min(sizes[min(wave.number - 1, len(sizes) - 1)], most_cpu)
        for farm in set(farms):
            there = sum(m.farm_id == f"farm-{farm}" for m in mine)
            whole = sum(m.farm_id == f"farm-{farm}" and m.wave > 0 for m in placed.values())
            assert there <= max(1, share * whole)
        rest -= len(mine)
    assert rest == 0
