"""Two readings of one model pass, a model that sees other behaviour does not."""

from __future__ import annotations

from random import Random

from herdbook.contracts.activation import ClipDrift
from herdbook.fleet.rollout.drift import compare, drift
from herdbook.fleet.rollout.gates import Say
from support.clips import Noise, read_twice
from support.rollouts import clip, policy, reading

LIMITS = policy().drift


def said(clips: list[ClipDrift]) -> Say:
    return drift(clips, LIMITS, required=False).say


def stops(noise: Noise, rollouts: int, clips: int) -> int:
    return sum(said(read_twice(Random(seed), clips, noise)) is Say.STOP for seed in range(rollouts))


def test_two_readings_of_the_same_model_are_hardly_ever_stopped() -> None:
    for clips in (6, 12, 48):
        assert stops(Noise(), 150, clips) <= 1


def test_a_model_that_calls_every_pig_lying_is_always_stopped() -> None:
    for clips in (6, 12, 48):
        assert stops(Noise(all_lying=True), 60, clips) == 60


def test_a_model_that_loses_animals_or_identities_is_stopped() -> None:
    assert stops(Noise(animals=0.5), 40, 12) >= 38
    assert stops(Noise(identities=2.5), 40, 12) >= 38


def test_a_behaviour_that_vanishes_is_seen_although_its_share_is_small() -> None:
    clips = [
        clip(n, reading(60, 9, {"lying": 0.9, "eating": 0.1}), reading(60, 9, {"lying": 1.0, "eating": 0.0}))
        for n in range(8)
    ]
    worst = [figure for figure in compare(clips, LIMITS) if figure.outside]
    assert {(f.name, f.scale) for f in worst} == {("eating", "ratio"), ("all but lying", "ratio")}


def test_too_few_clips_say_nothing_and_stop_only_where_the_policy_asks_for_them() -> None:
    few = read_twice(Random(1), LIMITS.least_clips - 1, Noise(all_lying=True))
    assert drift(few, LIMITS, required=False).say is Say.PASS
    assert "not judged" in drift(few, LIMITS, required=False).why
    assert drift(few, LIMITS, required=True).say is Say.STOP
    assert drift([], LIMITS, required=False).say is Say.PASS


def test_clips_without_animals_are_no_evidence() -> None:
    empty = reading(60, 0, {})
    clips = [clip(n, empty, empty) for n in range(LIMITS.least_clips)]
    assert compare(clips, LIMITS) == []
    lies = read_twice(Random(1), 2, Noise(all_lying=True))
    assert drift([*clips, *lies], LIMITS, required=True).say is Say.STOP
    assert drift([*clips, *lies], LIMITS, required=False).evidence["empty"] == len(clips)


def test_a_release_that_sees_nothing_is_stopped() -> None:
    clips = [clip(n, reading(60, 9, {"lying": 0.8, "eating": 0.2}), reading(60, 0, {}, 0)) for n in range(8)]
    assert said(clips) is Say.STOP
