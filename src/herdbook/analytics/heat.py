"""Signs of heat (oestrus): a day or two of unusual activity, the more credible if one cycle after another.

Sows and cows come into heat every 21 days, with 18 to 24 as the usual range, and move more for about a day (cows:
Roelofs et al. 2005, Theriogenology 64:1690-1703; sows: Soede, Langendijk, Kemp 2011, Anim Reprod Sci 124:251-258). What
is found here is a candidate for a person to look at: lameness hides it, regrouping imitates it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herdbook.analytics.shares import Floats

CYCLE_DAYS = (18, 24)
THRESHOLD = 3.0
"""Robust standard deviations above both own and pen-mates' expectation."""
LONGEST = 3
"""Days; what goes on for longer is something else."""
FERTILE_AGE_DAYS = {"pig": 150, "cattle": 240, "cow": 240, "calf": 240}
"""From which age on signs are looked for; earlier there is no cycle. Choices at the early end of puberty."""


@dataclass(frozen=True)
class HeatSign:
    """One candidate, as positions on the time axis."""

    first: int
    last: int
    score: float
    cycle: int | None
    """Days since an earlier candidate, where that is a cycle's length."""


def heat_signs(score: Floats, *, threshold: float = THRESHOLD) -> list[HeatSign]:
    """Short rises of activity.

    Args:
        score: ``[n]`` activity against its own and the pen-mates' expectation, in robust standard deviations; NaN
            where unknown (`herdbook.analytics.alarms.Deviation.both`).
        threshold: days of at least so much are high.
    """
    high = np.flatnonzero(np.nan_to_num(score, nan=-np.inf) >= threshold)
    found: list[HeatSign] = []
    for group in np.split(high, np.flatnonzero(np.diff(high) > 1) + 1):
        if not 0 < len(group) <= LONGEST:
            continue
        first, last = int(group[0]), int(group[-1])
        since = [first - earlier.first for earlier in found]
        cycle = next((d for d in reversed(since) if CYCLE_DAYS[0] <= d <= CYCLE_DAYS[1]), None)
        found.append(HeatSign(first, last, float(np.max(score[first : last + 1])), cycle))
    return found


def may_cycle(species: str | None, sex: str | None, age_days: float | None) -> bool:
    """Whether heat is looked for in an animal: female (or of unknown sex), of a known species, and old enough."""
    if sex is not None and sex.lower() not in ("female", "f", "unknown"):
        return False
    least = FERTILE_AGE_DAYS.get((species or "").lower())
    return least is not None and age_days is not None and age_days >= least


def expected_next(sign: int) -> tuple[int, int]:
    """When the next heat would come if the animal does not conceive: first and last position."""
    return sign + CYCLE_DAYS[0], sign + CYCLE_DAYS[1]
