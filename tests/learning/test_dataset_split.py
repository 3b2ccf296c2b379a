"""No animal, clip or day crosses the split, whatever herd is thrown at it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.errors import ConfigurationError, SplitImpossibleError
from herdbook.learning.datasets.clips import Clip
from herdbook.learning.datasets.plan import Crossing, Split
from herdbook.learning.datasets.split import LEAST, hold_out, split_clips

SHARES = {Split.TRAIN: 0.7, Split.VALIDATION: 0.15, Split.TEST: 0.15}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def clip(site: str, day: int, animals: set[str], number: int = 0, split: Split | None = None) -> Clip:
    name = f"{site}-{day}-{number}-{'-'.join(sorted(animals))}.mp4"
    there = frozenset(f"{site}/{animal}" for animal in animals)
    return Clip(site, "d", "c", date(2026, 1, day), name, Path(name), "0" * 64, NOON, NOON, there, split=split)


herds = st.lists(
    st.builds(
        clip,
        st.sampled_from(("oak", "elm", "ash", "fir")),
        st.integers(1, 6),
        st.sets(st.sampled_from("abcdef"), min_size=1, max_size=2),
        st.integers(0, 99),
    ),
    min_size=1,
    max_size=30,
)


def require_apart(clips: list[Clip], sides: list[Split | None]) -> None:
    seen: dict[str, set[Split]] = defaultdict(set)
    for one, side in zip(clips, sides, strict=True):
        if side is not None:
            for tie in (*one.animals, one.farm_day, one.name):
                seen[tie].add(side)
    assert all(len(found) == 1 for found in seen.values())


@given(herds, st.sampled_from(Crossing))
def test_nothing_crosses(clips: list[Clip], crossing: Crossing) -> None:
    try:
        sides = split_clips(clips, [1] * len(clips), SHARES, crossing)
    except SplitImpossibleError:
        return
    require_apart(clips, sides)
    assert set(SHARES) <= set(sides)
    if crossing is Crossing.REFUSE:
        assert None not in sides
        assert all(sides.count(side) >= LEAST * share * len(clips) for side, share in SHARES.items())


def test_farms_that_share_nothing_are_dealt_by_their_size() -> None:
    clips = [clip(f"farm{k}", 1, {"a"}, n) for k, size in enumerate((14, 3, 3)) for n in range(size)]
    sides = split_clips(clips, [1] * 20, SHARES, Crossing.REFUSE)
    assert [sides.count(side) for side in SHARES] == [14, 3, 3]


def test_one_farm_whose_pens_are_filmed_every_day_cannot_be_split_and_why_is_said() -> None:
    clips = [clip("oak", day, {pen}, n) for day in (1, 2, 3, 4) for pen in "abc" for n in range(2)]
    with pytest.raises(SplitImpossibleError, match=r"100% .*24 clips of oak, 3 animals .* 4 days, 2026-01-01 to"):
        split_clips(clips, [1] * len(clips), SHARES, Crossing.REFUSE)


def test_unless_clips_may_be_left_out() -> None:
    clips = [clip("oak", day, {pen}, n) for day in (1, 2, 3, 4) for pen in "abc" for n in range(2)]
    sides = split_clips(clips, [1] * len(clips), SHARES, Crossing.DROP)
    require_apart(clips, sides)
    last = {side: max(c.day for c, s in zip(clips, sides, strict=True) if s is side) for side in SHARES}
    assert last[Split.TRAIN] < last[Split.VALIDATION] < last[Split.TEST]  # tested on what comes later


def test_two_pens_are_too_few_for_three_sides() -> None:
    clips = [clip("oak", day, {pen}) for day in (1, 2, 3) for pen in "ab"]
    with pytest.raises(SplitImpossibleError, match="nothing remains for test: 2 groups of animals on 3 days"):
        split_clips(clips, [1] * 6, SHARES, Crossing.DROP)


def test_sides_that_a_suite_fixes_are_kept_and_checked() -> None:
    fixed = [clip("oak", 1, {"a"}, split=Split.TRAIN), clip("elm", 1, {"a"}, split=Split.TEST)]
    assert split_clips(fixed, [1, 1], SHARES, Crossing.REFUSE) == [Split.TRAIN, Split.TEST]
    crossing = [clip("oak", 1, {"a"}, split=Split.TRAIN), clip("oak", 2, {"a"}, split=Split.TEST)]
    with pytest.raises(SplitImpossibleError, match="fixed to test and train"):
        split_clips(crossing, [1, 1], SHARES, Crossing.DROP)


@given(herds, st.sampled_from(Crossing))
def test_a_farm_that_is_held_out_is_the_test_side_whole_and_alone(clips: list[Clip], crossing: Crossing) -> None:
    farm = clips[0].site
    try:
        sides = hold_out(clips, [1] * len(clips), SHARES, crossing, [farm])
    except (SplitImpossibleError, ConfigurationError):
        return
    require_apart(clips, sides)
    assert {side for one, side in zip(clips, sides, strict=True) if one.site == farm} == {Split.TEST}
    assert Split.TEST not in {side for one, side in zip(clips, sides, strict=True) if one.site != farm}
    assert {Split.TRAIN, Split.VALIDATION} <= set(sides)


def test_an_animal_that_moved_from_a_farm_that_is_held_out_is_noticed() -> None:
    clips = [clip("oak", day, {"a"}) for day in (1, 2)] + [clip("elm", day, {str(day)}) for day in range(1, 5)]
    moved = replace(clips[-1], animals=frozenset({"oak/a"}))
    with pytest.raises(SplitImpossibleError, match="animals of oak were on elm too: oak/a"):
        hold_out([*clips, moved], [1] * 7, SHARES, Crossing.REFUSE, ["oak"])
    assert hold_out([*clips, moved], [1] * 7, SHARES, Crossing.DROP, ["oak"])[-1] is None
    with pytest.raises(ConfigurationError, match="no footage of farm 'fir'"):
        hold_out(clips, [1] * 6, SHARES, Crossing.REFUSE, ["fir"])
    with pytest.raises(ConfigurationError, match="no other farm is left"):
        hold_out(clips, [1] * 6, SHARES, Crossing.REFUSE, ["oak", "elm"])


def test_a_suites_own_test_side_is_no_part_of_a_farm_that_is_held_out() -> None:
    sides = (Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST)
    clips = [clip(site, 1, {"a"}, split=side) for site, side in zip(("oak", "elm", "ash", "fir"), sides, strict=True)]
    found = hold_out(clips, [1] * 4, SHARES, Crossing.REFUSE, ["oak"])
    assert found == [Split.TEST, Split.TRAIN, Split.VALIDATION, None]
