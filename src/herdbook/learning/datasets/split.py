"""A split that no animal, clip or day crosses.

Clips that share an animal or a day of their farm belong together, and so does what they share in turn: connected
components, each of which goes to one side as a whole. On one farm whose pens are all filmed every day that is a single
component; then clips may be left out (`Crossing.DROP`) so that each side keeps other animals on other days.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from math import sqrt

from herdbook.errors import ConfigurationError, SplitImpossibleError
from herdbook.learning.datasets.clips import Clip
from herdbook.learning.datasets.plan import Crossing, Split

LEAST = 0.34
"""A side with less of its share than this is no side: the components are too large for the split."""


def split_clips(
    clips: Sequence[Clip], weights: Sequence[int], shares: Mapping[Split, float], crossing: Crossing
) -> list[Split | None]:
    """The side of each clip; none for one that is left out.

    Args:
        clips: all of them.
        weights: frames that each offers.
        shares: wanted share of the frames on each side.
        crossing: what becomes of clips that link sides.

    Raises:
        SplitImpossibleError: a component is too large, or its clips are fixed to different sides.
    """
    wanted = {side: share for side, share in shares.items() if share > 0}
    whole = components(clips, days=True)
    sides = _fixed(clips, whole)
    if any(side is not None for side in sides):
        return sides
    sides = _deal(whole, weights, wanted)
    if _complete(sides, weights, wanted):
        return sides
    if crossing is Crossing.REFUSE:
        raise SplitImpossibleError(_too_large(clips, whole, weights, wanted))
    sides = _blocks(clips, weights, wanted)
    missing = sorted(side.value for side in wanted if side not in sides)
    if missing:
        raise SplitImpossibleError(
            f"even with clips left out, nothing remains for {', '.join(missing)}: "
            f"{len(components(clips, days=False))} groups of animals on {len({c.farm_day for c in clips})} days",
            "Add pens, farms or days, or ask for fewer sides (shares).",
        )
    return sides


def hold_out(
    clips: Sequence[Clip],
    weights: Sequence[int],
    shares: Mapping[Split, float],
    crossing: Crossing,
    farms: Collection[str],
) -> list[Split | None]:
    """`split_clips` with some farms as the test side; the others share out what remains of the sides.

    Args:
        clips, weights, shares: as of `split_clips`.
        crossing: what becomes of other farms' clips with animals that were on these farms too.
        farms: that nobody learns from; none leaves the split as it is.

    Raises:
        ConfigurationError: there is no clip of such a farm, or none of another.
        SplitImpossibleError: animals moved between the farms, or the others cannot be split.
    """
    if not farms:
        return split_clips(clips, weights, shares, crossing)
    unknown = set(farms) - {clip.site for clip in clips}
    if unknown:
        raise ConfigurationError(
            f"held_out: there is no footage of farm '{min(unknown)}'", "Name a farm that has some."
        )
    away = {animal for clip in clips if clip.site in farms for animal in clip.animals}
    others = [k for k, clip in enumerate(clips) if clip.site not in farms]
    rest = [k for k in others if not away & clips[k].animals]
    if len(rest) < len(others) and crossing is Crossing.REFUSE:
        moved = clips[next(k for k in others if away & clips[k].animals)]
        raise SplitImpossibleError(
            f"animals of {', '.join(sorted(farms))} were on {moved.site} too: {min(away & moved.animals)}",
            "Hold out both farms, or leave such clips out (crossing: drop).",
        )
    if not rest:
        raise ConfigurationError("held_out: no other farm is left to learn from", "Hold out fewer farms.")
    whole = 1 - shares.get(Split.TEST, 0.0)
    asked: dict[Split, float] = {side: share / whole for side, share in shares.items() if side != Split.TEST}
    dealt = split_clips([clips[k] for k in rest], [weights[k] for k in rest], asked, crossing)
    sides: list[Split | None] = [Split.TEST if clip.site in farms else None for clip in clips]
    for k, side in zip(rest, dealt, strict=True):
        sides[k] = None if side is Split.TEST else side  # a suite's own test side is not of these farms
    return sides


def components(clips: Sequence[Clip], *, days: bool) -> list[list[int]]:
    """Clips joined by animals and, if asked, by days; largest first, then by first clip."""
    parent = list(range(len(clips)))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    first: dict[tuple[str, str], int] = {}
    for k, clip in enumerate(clips):
        for tie in (*(("animal", a) for a in clip.animals), *([("day", clip.farm_day)] if days else [])):
            other = first.setdefault(tie, k)
            parent[root(k)] = root(other)
    groups: dict[int, list[int]] = defaultdict(list)
    for k in range(len(clips)):
        groups[root(k)].append(k)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))


def _fixed(clips: Sequence[Clip], whole: list[list[int]]) -> list[Split | None]:
    """Sides that sources fix: all of the clips, or none."""
    fixed = [clip.split for clip in clips]
    for group in whole:
        sides = {fixed[k] for k in group}
        if len(sides - {None}) > 1 or (None in sides and len(sides) > 1):
            named = sorted(str(side.value if side else "no side") for side in sides)
            raise SplitImpossibleError(
                f"clips that share animals or days are fixed to {' and '.join(named)}: {clips[group[0]].farm_day} …",
                "Take one suite of farms at a time, without other footage of the same farms.",
            )
    if None in fixed and any(fixed):
        raise SplitImpossibleError(
            "some clips have a side that their suite fixes, others have none", "Take them into datasets of their own."
        )
    return fixed


def _deal(whole: list[list[int]], weights: Sequence[int], wanted: Mapping[Split, float]) -> list[Split | None]:
    """Largest component first, each to the side that lacks most frames, or to the one that lacks the largest part of
    its own: whichever leaves no side short, and then whichever comes nearest to the shares."""
    total = max(sum(weights), 1)

    def lacks_most(side: Split, got: Counter[Split]) -> tuple[float, float]:
        return wanted[side] - got[side] / total, wanted[side]

    def least_full(side: Split, got: Counter[Split]) -> tuple[float, float]:
        return -got[side] / wanted[side], wanted[side]

    def deal(rule: Callable[[Split, Counter[Split]], tuple[float, float]]) -> list[Split | None]:
        sides: list[Split | None] = [None] * len(weights)
        got: Counter[Split] = Counter()
        for group in sorted(whole, key=lambda g: (-sum(weights[k] for k in g), g[0])):
            side = max(wanted, key=lambda s: rule(s, got))
            got[side] += sum(weights[k] for k in group)
            for k in group:
                sides[k] = side
        return sides

    def badness(sides: list[Split | None]) -> tuple[bool, float]:
        got = _sums(sides, weights)
        return not _complete(sides, weights, wanted), sum(abs(got[s] / total - wanted[s]) for s in wanted)

    return min((deal(lacks_most), deal(least_full)), key=badness)


def _sums(sides: Sequence[Split | None], weights: Sequence[int]) -> Counter[Split]:
    got: Counter[Split] = Counter()
    for side, weight in zip(sides, weights, strict=True):
        if side is not None:
            got[side] += weight
    return got


def _complete(sides: Sequence[Split | None], weights: Sequence[int], wanted: Mapping[Split, float]) -> bool:
    got = _sums(sides, weights)
    return all(got[side] >= LEAST * share * sum(weights) for side, share in wanted.items())


def _too_large(
    clips: Sequence[Clip], whole: list[list[int]], weights: Sequence[int], wanted: Mapping[Split, float]
) -> str:
    group = max(whole, key=lambda g: sum(weights[k] for k in g))
    share = sum(weights[k] for k in group) / max(sum(weights), 1)
    inside = [clips[k] for k in group]
    farms = sorted({clip.site for clip in inside})
    days = sorted({clip.day for clip in inside})
    animals = len({animal for clip in inside for animal in clip.animals})
    return (
        f"no split into {', '.join(side.value for side in wanted)} keeps animals and days apart: {share:.0%} of the "
        f"frames hang together ({len(inside)} clips of {', '.join(farms)}, {animals} animals that share {len(days)} "
        f"days, {days[0]} to {days[-1]}); {len(whole)} independent parts in all"
    )


def _blocks(clips: Sequence[Clip], weights: Sequence[int], wanted: Mapping[Split, float]) -> list[Split | None]:
    """Per farm: groups of animals dealt to sides, days cut in the order of time; a clip stays where both agree.

    Of a side with share g of the animals and d of the days g * d remains, so both go by the root of the wanted shares.
    """
    roots = {side: sqrt(share) for side, share in wanted.items()}
    shares = {side: value / sum(roots.values()) for side, value in roots.items()}
    sides: list[Split | None] = [None] * len(clips)
    for site in sorted({clip.site for clip in clips}):
        mine = [k for k, clip in enumerate(clips) if clip.site == site]
        local, load = [clips[k] for k in mine], [weights[k] for k in mine]
        by_animals = _deal_evenly(components(local, days=False), load, shares)
        by_day = _cut(sorted({clip.day for clip in local}), shares)
        for k, clip, side in zip(mine, local, by_animals, strict=True):
            sides[k] = side if by_day.get(clip.day) is side else None
    return sides


def _deal_evenly(whole: list[list[int]], weights: Sequence[int], shares: Mapping[Split, float]) -> list[Split | None]:
    """As `_deal`, but every side gets a group while there are enough."""
    order = list(shares)
    if len(whole) <= len(order):
        sides: list[Split | None] = [None] * len(weights)
        for side, group in zip(order, whole, strict=False):
            for k in group:
                sides[k] = side
        return sides
    return _deal(whole, weights, shares)


def _cut(days: Sequence[object], shares: Mapping[Split, float]) -> dict[object, Split]:
    """Consecutive days for each side, at least one while there are enough: training comes first, testing last."""
    order = list(shares)
    left, start = len(days), 0
    found: dict[object, Split] = {}
    for k, side in enumerate(order):
        after = len(order) - k - 1
        ideal = round(shares[side] / sum(shares[s] for s in order[k:]) * left)
        take = min(max(ideal, 1), max(left - after, 0)) if after else left
        found |= dict.fromkeys(days[start : start + take], side)
        start, left = start + take, left - take
    return found
