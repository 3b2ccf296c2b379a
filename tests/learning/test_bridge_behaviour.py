"""Differences in share of time: paired by clip, and zero where nothing changed."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from herdbook.learning.bridge.behaviour import Difference, differences, seconds_of
from herdbook.learning.evaluation.annotated import Spell
from herdbook.learning.evaluation.sequences import Sequence

BOTH = ("lying", "standing")


def clips(days: int, cameras: int, per_day: int = 1) -> list[Sequence]:
    return [
        Sequence(
            sequence_id=f"c{camera}/{day}",
            farm="f",
            pen=f"c{camera}",
            camera=f"c{camera}",
            day=date(2026, 3, 1 + day),
            seconds=60,
            truth_sha256="0" * 64,
        )
        for camera in range(cameras)
        for day in range(days)
        for _ in range(per_day)
    ]


def readings(count: int, shift: float, seed: int = 0) -> list[dict[str, float]]:
    lying = np.random.default_rng(seed).uniform(20, 40, count) + 60 * shift
    return [{"lying": one, "standing": 60 - one} for one in lying.tolist()]


def by_name(found: list[Difference]) -> dict[str, Difference]:
    return {one.behaviour: one for one in found}


def test_nothing_changed_is_exactly_nothing() -> None:
    same = readings(12, 0)
    for one in differences(clips(4, 3), same, same, BOTH):
        assert (one.difference, one.low, one.high) == (0, 0, 0)


def test_a_shift_shows_with_its_interval_and_its_level() -> None:
    found = by_name(differences(clips(4, 6), readings(24, 0), readings(24, 0.1), BOTH))
    lying = found["lying"]
    assert lying.difference == pytest.approx(0.1)
    assert (lying.level, lying.units) == ("camera", 6)
    assert lying.low == pytest.approx(0.1)
    assert found["standing"].difference == pytest.approx(-0.1)


def test_clips_of_a_cameras_day_are_drawn_together() -> None:
    found = differences(clips(3, 2, per_day=5), readings(30, 0), readings(30, 0, seed=1), BOTH)
    assert (found[0].level, found[0].units) == ("camera-day", 6)


def test_pairing_by_clip_takes_the_footage_out_of_the_interval() -> None:
    """Clips differ much from each other; the same shift in each is seen sharply all the same."""
    rng = np.random.default_rng(0)
    shift = 0.05 + rng.normal(0, 0.01, 24)
    old = readings(24, 0)
    new = [{"lying": o["lying"] + 60 * s, "standing": o["standing"] - 60 * s} for o, s in zip(old, shift, strict=True)]
    lying = by_name(differences(clips(4, 6), old, new, BOTH))["lying"]
    assert lying.low is not None
    assert lying.high is not None
    assert lying.low < 0.05 < lying.high
    assert lying.high - lying.low < 0.03


def test_what_only_one_release_reports_had_no_time_before() -> None:
    found = by_name(differences(clips(1, 2), [{"lying": 60}] * 2, [{"lying": 30, "eating": 30}] * 2, BOTH))
    assert (found["eating"].from_share, found["eating"].difference) == (0, 0.5)
    assert found["standing"].difference == 0


def test_one_clip_gives_no_interval_and_no_animals_no_share() -> None:
    (lying, _) = differences(clips(1, 1), [{"lying": 1}], [{"standing": 1}], BOTH)
    assert (lying.difference, lying.low, lying.units) == (-1, None, 1)
    (lying, _) = differences(clips(1, 2), [{"lying": 1}] * 2, [{}] * 2, BOTH)
    assert (lying.from_share, lying.to_share, lying.difference) == (1, None, None)


def test_seconds_are_summed_over_animals() -> None:
    spells = [Spell("a", 0, 10, "lying"), Spell("b", 5, 10, "lying"), Spell("a", 10, 12, "standing")]
    assert seconds_of(spells) == {"lying": 15, "standing": 2}
