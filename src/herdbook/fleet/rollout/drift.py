"""Whether a release sees other behaviour than the one before, on the same clips.

Clips are the unit: each was read by both releases, so that what differs between clips (pens, hours, weather) cancels
out. Figures are compared with an interval each: a behaviour's share of the animals' time, as a difference and, because
a rare behaviour can vanish without a large one, as a ratio; so too the share of all but the commonest one, which needs
the fewest clips; animals a frame and identities a clip, as ratios. A ratio of sums is linearised on the log scale
(Cochran, Sampling Techniques, 3rd ed., ch. 6), and all intervals of a wave hold together (Bonferroni, Student's t).

The rollout is stopped where an interval lies wholly outside the policy's tolerance: by drift that is there, not by
doubt. Too few clips say nothing; whether that is enough is for the policy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from herdbook.contracts.activation import ClipDrift, Reading
from herdbook.fleet.rollout.gates import Say, Word
from herdbook.fleet.rollout.policy import DriftLimits

_SIDES = ("old", "new")
_PSEUDO_SHARE = 0.005
"""Added to both shares of a ratio: a behaviour that vanished has a finite one."""
_PSEUDO_COUNT = 0.02
"""Likewise to animals and identities, of one clip."""


@dataclass(frozen=True)
class Figure:
    """One comparison, with the interval and the tolerance that it is held to, on the same scale.

    ``scale``: ``difference`` (of shares, -1..1) or ``ratio`` (new by old).
    """

    name: str
    scale: str
    old: float
    new: float
    low: float
    high: float
    least: float
    most: float

    @property
    def outside(self) -> bool:
        """Whether the whole interval lies beyond what is tolerated."""
        return self.low > self.most or self.high < self.least

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.old:.3g} → {self.new:.3g}, {self.scale} {self.low:.2f} to {self.high:.2f}, "
            f"tolerated {self.least:.2f} to {self.most:.2f}"
        )


def compare(clips: Sequence[ClipDrift], limits: DriftLimits) -> list[Figure]:
    """Every figure of both releases on these clips; none where there are fewer than two that show an animal."""
    seen = [clip for clip in clips if _shows(clip)]
    if len(seen) < 2:
        return []
    both = [clip for clip in seen if _known(clip.old) > 0 and _known(clip.new) > 0]
    behaviours = sorted({name for clip in both for reading in (clip.old, clip.new) for name in reading.behaviour_s})
    shares = {name: [_pooled([getattr(c, side) for c in both], name) for side in _SIDES] for name in behaviours}
    rare = {name for name in behaviours if max(shares[name]) < limits.floor}
    count = 3 + 2 * len(behaviours) - len(rare)
    figures = []
    if len(both) >= 2:
        commonest = max(behaviours, key=lambda name: sum(shares[name]))
        t = _quantile(limits.confidence, count, len(both))
        for name in behaviours:
            figures.append(_share(both, name, t, limits.share))
            if name not in rare:
                figures.append(_share_ratio(both, name, t, limits.factor))
        rest = [(1 - _share_of(clip.old, commonest), 1 - _share_of(clip.new, commonest)) for clip in both]
        figures.append(_ratio(f"all but {commonest}", rest, t, limits.factor, _PSEUDO_SHARE))
    t = _quantile(limits.confidence, count, len(seen))
    animals = [(clip.old.animal_s / clip.seconds, clip.new.animal_s / clip.seconds) for clip in seen]
    figures.append(_ratio("animals a frame", animals, t, limits.animals_factor, _PSEUDO_COUNT))
    identities = [(float(clip.old.identities), float(clip.new.identities)) for clip in seen]
    if any(old or new for old, new in identities):
        figures.append(_ratio("identities a clip", identities, t, limits.identities_factor, _PSEUDO_COUNT))
    return figures


def drift(clips: Iterable[ClipDrift], limits: DriftLimits, *, required: bool) -> Word:
    """What the gate says of a wave's clips.

    Args:
        clips: of all its devices.
        limits: what the policy tolerates.
        required: whether too few clips stop the rollout.
    """
    every = list(clips)
    read = [clip for clip in every if _shows(clip)]
    evidence: dict[str, Any] = {"clips": len(read), "empty": len(every) - len(read), "confidence": limits.confidence}
    if len(read) < limits.least_clips:
        why = f"{len(read)} clips with animals were read by both releases, fewer than {limits.least_clips}"
        if required:
            return Word(Say.STOP, f"{why}: what the release does is not known", evidence)
        return Word(Say.PASS, f"not judged: {why}", evidence)
    figures = compare(read, limits)
    evidence["figures"] = [
        {"name": f.name, "scale": f.scale, "old": _r(f.old), "new": _r(f.new), "low": _r(f.low), "high": _r(f.high)}
        | {"least": _r(f.least), "most": _r(f.most), "outside": f.outside}
        for f in figures
    ]
    outside = [figure for figure in figures if figure.outside]
    if outside:
        worst = max(outside, key=lambda f: max(f.low - f.most, f.least - f.high))
        return Word(Say.STOP, f"on the same clips the release sees otherwise: {worst}", evidence)
    return Word(Say.PASS, f"sees what the former release saw in {len(read)} clips", evidence)


def _shows(clip: ClipDrift) -> bool:
    """Whether either release saw an animal in it: a clip of an empty pen says nothing of behaviour."""
    return clip.seconds > 0 and (clip.old.animal_s > 0 or clip.new.animal_s > 0)


def _known(reading: Reading) -> float:
    return sum(reading.behaviour_s.values())


def _share_of(reading: Reading, name: str) -> float:
    return reading.behaviour_s.get(name, 0.0) / _known(reading)


def _pooled(readings: Sequence[Reading], name: str) -> float:
    return sum(reading.behaviour_s.get(name, 0.0) for reading in readings) / sum(map(_known, readings))


def _share(clips: Sequence[ClipDrift], name: str, t: float, tolerated: float) -> Figure:
    old = [_share_of(clip.old, name) for clip in clips]
    new = [_share_of(clip.new, name) for clip in clips]
    differences = [b - a for a, b in zip(old, new, strict=True)]
    middle, margin = fmean(differences), t * _standard_error(differences)
    return Figure(name, "difference", fmean(old), fmean(new), middle - margin, middle + margin, -tolerated, tolerated)


def _share_ratio(clips: Sequence[ClipDrift], name: str, t: float, factor: float) -> Figure:
    pairs = [(_share_of(clip.old, name), _share_of(clip.new, name)) for clip in clips]
    return _ratio(name, pairs, t, factor, _PSEUDO_SHARE)


def _ratio(name: str, pairs: Sequence[tuple[float, float]], t: float, factor: float, pseudo: float) -> Figure:
    old, new = (fmean(values) for values in zip(*pairs, strict=True))
    a, b = old + pseudo, new + pseudo
    residuals = [(y + pseudo) / b - (x + pseudo) / a for x, y in pairs]
    middle, margin = math.log(b / a), t * _standard_error(residuals)
    low, high = (math.exp(max(-50.0, min(50.0, value))) for value in (middle - margin, middle + margin))
    return Figure(name, "ratio", old, new, low, high, 1 / factor, factor)


def _standard_error(values: Sequence[float]) -> float:
    middle = fmean(values)
    return math.sqrt(sum((v - middle) ** 2 for v in values) / (len(values) - 1) / len(values))


def _quantile(confidence: float, figures: int, clips: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(clips - 1, 1 - (1 - confidence) / (2 * figures)))


def _r(value: float) -> float:
    return round(value, 4)
