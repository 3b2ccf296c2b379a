"""What the change of model does to the share of time of every behaviour, on the same footage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from herdbook.learning.evaluation.annotated import Spell
from herdbook.learning.evaluation.bootstrap import resample
from herdbook.learning.evaluation.sequences import Sequence as Told
from herdbook.learning.formats.tracks import Floats

_LEVELS = {"farm": "farm", "pen": "camera", "sequence": "camera-day"}
_UNDEFINED = float("nan")


@dataclass(frozen=True)
class Difference:
    """One behaviour: a row of `bridge_behaviour`."""

    behaviour: str
    from_share: float | None
    to_share: float | None
    difference: float | None
    low: float | None
    high: float | None
    level: str | None
    units: int


def seconds_of(spells: Iterable[Spell]) -> dict[str, float]:
    """Seconds of each behaviour, summed over the animals of a clip."""
    found: dict[str, float] = {}
    for spell in spells:
        found[spell.behaviour] = found.get(spell.behaviour, 0.0) + spell.end - spell.start
    return found


def differences(
    sequences: Sequence[Told],
    old: Sequence[Mapping[str, float]],
    new: Sequence[Mapping[str, float]],
    behaviours: Iterable[str],
) -> list[Difference]:
    """Of each behaviour its share of the time of known behaviour with either release, and the difference.

    Clips are paired: a draw takes both readings of a clip. What is drawn is the largest thing that there is enough of:
    farms, cameras, or days of a camera (`herdbook.learning.evaluation.bootstrap`).

    Args:
        sequences: of each clip, what it is nested in.
        old: of each clip seconds by behaviour, release before.
        new: likewise, release after.
        behaviours: rows to make; more where a release reports more.
    """
    names = sorted({*behaviours, *(name for clip in (*old, *new) for name in clip)})
    before, after = _table(old, names), _table(new, names)
    drawn = resample(sequences)
    whole = np.ones((1, len(sequences)))
    shares = [_shares(table, whole)[0] for table in (before, after)]
    spread = None if drawn is None else _shares(after, drawn.weights) - _shares(before, drawn.weights)
    found = []
    for k, name in enumerate(names):
        one, other = float(shares[0][k]), float(shares[1][k])
        interval = None
        if drawn is not None and spread is not None:
            interval = drawn.interval(other - one, spread[:, k], -1.0, 1.0)
        low, high = interval or (None, None)
        found.append(
            Difference(
                name,
                _known(one),
                _known(other),
                _known(other - one),
                low,
                high,
                None if drawn is None else _LEVELS[drawn.level],
                1 if drawn is None else drawn.units,
            )
        )
    return found


def _table(clips: Sequence[Mapping[str, float]], names: list[str]) -> Floats:
    return np.array([[clip.get(name, 0.0) for name in names] for clip in clips], np.float64).reshape(-1, len(names))


def _shares(seconds: Floats, weights: Floats) -> Floats:
    """[draws, behaviours] of [clips, behaviours] seconds and [draws, clips] weights."""
    sums = weights @ seconds
    total = sums.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(sums, total, out=np.full_like(sums, _UNDEFINED), where=total > 0)
    return shares


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
