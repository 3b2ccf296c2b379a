"""Claims on days whose truth is known: right, never contradictory, honest about how sure they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.errors import CrossSpaceError
from herdbook.matching.decide import Claim, MatchOptions, decide
from herdbook.matching.evidence import log_ratios
from herdbook.matching.exclusion import crowds, violations
from support.seen_day import Scene, SeenDay, seen_day

SEEDS = range(5)


def right(claims: list[Claim], seen: SeenDay, enrolled: int) -> np.ndarray:
    """Whether each claim is true; of an animal that is not enrolled, nobody is."""
    return np.array(
        [c.animal_id == (f"A{a}" if a < enrolled else None) for c, a in zip(claims, seen.truth, strict=True)]
    )


def confidence(claims: list[Claim]) -> np.ndarray:
    """Confidences, in the order of the day."""
    return np.array([c.confidence for c in claims])


@pytest.mark.parametrize(
    "scene",
    [
        Scene(),
        Scene(drift=0.6, noise=1.0),
        Scene(alike=5.0),
        Scene(animals=20, enrolled=20),
        Scene(enrolled=2, animals=2),
        Scene(embeddings=1),
    ],
    ids=["clear", "noisy", "alike", "twenty", "two", "one embedding each"],
)
def test_animals_whose_looks_differ_are_told_apart(scene: Scene) -> None:
    for seed in SEEDS:
        seen = seen_day(replace(scene, seed=seed))
        assert right(decide(seen.day), seen, scene.enrolled).mean() >= 0.97


any_scene = st.builds(
    lambda missing, **chosen: Scene(enrolled=max(chosen["animals"] - missing, 0), tracklets=5, **chosen),
    missing=st.integers(0, 4),
    animals=st.integers(1, 10),
    seed=st.integers(0, 10_000),
    drift=st.floats(0, 2),
    noise=st.floats(0.1, 3),
    dimensions=st.sampled_from([3, 8, 64]),
    references=st.integers(1, 3),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(any_scene)
def test_whatever_the_looks_no_animal_is_in_two_places_at_once(scene: Scene) -> None:
    day = seen_day(scene).day
    claims = decide(day)
    number = {a: i for i, a in enumerate(day.animal_ids)}
    choice = np.array([-1 if c.animal_id is None else number[c.animal_id] for c in claims])
    together = crowds(day.camera, day.start, day.end, day.groups, MatchOptions().overlap_tolerance_s)
    assert violations(choice, together) == []
    assert ((confidence(claims) >= 0) & (confidence(claims) <= 1)).all()
    assert claims == decide(day)


@pytest.mark.parametrize("listed", [8, 5], ids=["listed in the roster", "strangers to the roster"])
def test_an_animal_that_is_not_enrolled_is_mostly_unknown(listed: int) -> None:
    for seed in SEEDS:
        seen = seen_day(Scene(enrolled=5, listed=listed, drift=0.6, noise=1.0, seed=seed))
        claims = decide(seen.day)
        strangers = [c for c, a in zip(claims, seen.truth, strict=True) if a >= 5]
        assert np.mean([c.animal_id is None for c in strangers]) >= 0.9
        assert right(claims, seen, 5).mean() >= 0.95


@pytest.mark.parametrize(
    "scene",
    [
        Scene(),
        Scene(drift=1.0, noise=1.5),
        Scene(drift=2.0, noise=2.0),
        Scene(dimensions=8, drift=0.6, noise=0.6),
        Scene(dimensions=8, drift=1.0, noise=1.0),
        Scene(enrolled=5, drift=0.6, noise=1.0),
        Scene(enrolled=5, dimensions=8, drift=0.6, noise=0.6),
    ],
    ids=["clear", "hard", "very hard", "few features", "few and noisy", "open", "open, few features"],
)
def test_claims_are_right_about_as_often_as_they_say_or_more_often(scene: Scene) -> None:
    """Too modest is allowed, too sure is not: studies rely on what counts as identified."""
    says: list[float] = []
    is_right: list[bool] = []
    for seed in SEEDS:
        seen = seen_day(replace(scene, seed=seed))
        claims = decide(seen.day)
        says += confidence(claims).tolist()
        is_right += right(claims, seen, scene.enrolled).tolist()
    sure = np.array(says)
    truth = np.array(is_right)
    for low, high in ((0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        within = (sure >= low) & (sure < high)
        if within.sum() >= 20:
            assert truth[within].mean() >= sure[within].mean() - 0.12, (low, high)


def test_the_fewer_embeddings_the_less_sure() -> None:
    seen = seen_day(Scene(drift=0.6, noise=1.0, enrolled=5))
    [looks] = seen.day.looks
    means = []
    for count in (0.2, 1.0, 5.0, 50.0):
        counted = replace(looks, weight=np.full_like(looks.weight, count))
        claims = decide(replace(seen.day, looks=(counted,)))
        means.append(np.mean([c.confidence for c, a in zip(claims, seen.truth, strict=True) if a < 5]))
    assert means == sorted(means)
    assert means[0] < 0.6 < means[-1]


def test_looks_in_another_space_change_nothing() -> None:
    seen = seen_day(Scene())
    [looks] = seen.day.looks
    other = replace(looks, space_id="other-1", mean=looks.mean[::-1], weight=looks.weight * 10)
    assert decide(replace(seen.day, looks=(looks, other))) == decide(seen.day)


def test_spaces_are_never_compared() -> None:
    seen = seen_day(Scene())
    [looks], [references] = seen.day.looks, seen.day.references
    with pytest.raises(CrossSpaceError, match="are not compared"):
        log_ratios(replace(looks, space_id="other-1"), references, 8, [], 2.0)
    claims = decide(replace(seen.day, looks=(replace(looks, space_id="other-1"),)))
    assert {(c.animal_id, c.space_id) for c in claims} == {(None, None)}


def test_an_animal_that_was_not_in_the_pen_is_never_claimed() -> None:
    seen = seen_day(Scene())
    possible = seen.day.possible.copy()
    possible[:, 3] = False
    claims = decide(replace(seen.day, possible=possible))
    assert "A3" not in {c.animal_id for c in claims}


def test_what_a_person_said_is_certain_and_keeps_the_others_away() -> None:
    seen = seen_day(Scene())
    claims = decide(replace(seen.day, enrolled={0: 7}))
    assert (claims[0].animal_id, claims[0].confidence, claims[0].method) == ("A7", 1.0, "enrolment/1")
    at_once = np.flatnonzero((seen.day.start < seen.day.end[0] - 1) & (seen.day.end > seen.day.start[0] + 1))
    assert "A7" not in {claims[i].animal_id for i in at_once if i != 0}


def test_an_empty_day_has_no_claims() -> None:
    seen = seen_day(Scene(enrolled=0))
    nothing = replace(
        seen.day, tracklet_ids=(), camera=(), start=np.zeros(0), end=np.zeros(0), looks=(),
        possible=np.zeros((0, 8), dtype=bool),
    )  # fmt: skip
    assert decide(nothing) == []


def test_five_thousand_tracklets_of_fifty_animals_take_seconds() -> None:
    import time

    seen = seen_day(Scene(animals=50, enrolled=45, tracklets=100))
    begin = time.process_time()
    claims = decide(seen.day)
    assert time.process_time() - begin < 20
    assert right(claims, seen, 45).mean() > 0.98
