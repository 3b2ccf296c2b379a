"""What is right about claims over nights: ranks, identity F1, open set, calibration, abstention, decay.

Figures count seconds, as studies do, but for ranks and calibration, which count tracklets. *Identified* is a claim at
or above the threshold that counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from herdbook.learning.reid.follow import NightResult
from herdbook.matching.exclusion import Floats

AGES = ((0, 7), (7, 30), (30, 90), (90, 180), (180, 400))
"""Days since enrolment, above the first and up to the second."""
_BINS = 10


@dataclass(frozen=True)
class Figures:
    """Of some nights. All but ``nights`` are 0..1; None where nothing was there to count."""

    nights: int
    rank1: float | None
    mean_ap: float | None
    identity_f1: float | None
    """2 TP / (2 TP + FP + FN) of seconds of enrolled animals (Ristani et al. 2016, with names fixed by enrolment)."""
    wrong: float | None
    """Of the seconds identified, those of another animal."""
    strangers_named: float | None
    """Of the seconds of animals that are not enrolled, those identified as one that is."""
    enrolled_missed: float | None
    """Of the seconds of enrolled animals, those on which nobody is identified."""
    abstained: float | None
    """Of all seconds, those on which nobody is identified."""
    calibration_error: float | None
    """Expected calibration error of claims of an animal: mean distance of confidence and share right, ten bins."""
    says: float | None
    """Mean confidence of claims of an animal."""
    is_right: float | None
    """How many of those are right."""


def figures(results: Sequence[NightResult], threshold: float) -> Figures:
    """Sum up nights.

    Args:
        results: as of `herdbook.learning.reid.follow.follow`.
        threshold: confidence from which a claim counts as identified.
    """
    truth, claimed, sure, seconds, since = (
        np.concatenate([getattr(r, name) for r in results]) if results else np.zeros(0)
        for name in ("truth", "claimed", "confidence", "seconds", "enrolled_since")
    )
    enrolled = np.isfinite(since)
    identified = (claimed >= 0) & (sure >= threshold)
    right = identified & (claimed == truth)
    hit, false = seconds[right].sum(), seconds[identified & ~right].sum()
    missed = seconds[enrolled & ~right].sum()
    queries = sum(r.queries for r in results)
    named = claimed >= 0
    return Figures(
        nights=len(results),
        rank1=_share(sum(r.rank1 for r in results), queries),
        mean_ap=_share(sum(r.precision for r in results), queries),
        identity_f1=_share(2 * hit, 2 * hit + false + missed),
        wrong=_share(false, hit + false),
        strangers_named=_share(seconds[identified & ~enrolled].sum(), seconds[~enrolled].sum()),
        enrolled_missed=_share(seconds[enrolled & ~identified].sum(), seconds[enrolled].sum()),
        abstained=_share(seconds[~identified].sum(), seconds.sum()),
        calibration_error=_calibration_error(sure[named], (claimed == truth)[named]),
        says=_share(sure[named].sum(), named.sum()),
        is_right=_share((claimed == truth)[named].sum(), named.sum()),
    )


def by_age(results: Sequence[NightResult], threshold: float) -> dict[str, Figures]:
    """The same by days since enrolment: decay as animals grow. Nights without tracklets of that age are left out."""
    found = {}
    for after, until in AGES:
        mine = [r for r in results if after < _age(r) <= until]
        if mine:
            found[f"{after + 1}-{until}"] = figures(mine, threshold)
    return found


def _age(result: NightResult) -> float:
    known = result.enrolled_since[np.isfinite(result.enrolled_since)]
    return float(np.median(known)) if len(known) else -1.0


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None


def _calibration_error(says: Floats, is_right: np.ndarray) -> float | None:
    if not len(says):
        return None
    place = np.minimum((says * _BINS).astype(int), _BINS - 1)
    count = np.bincount(place, minlength=_BINS)
    gap = np.abs(np.bincount(place, says, _BINS) - np.bincount(place, is_right, _BINS))
    return float(gap.sum() / count.sum())
