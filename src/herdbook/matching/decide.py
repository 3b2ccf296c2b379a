"""From looks and exclusion to claims: pure, deterministic, no lake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.matching.assign import NOBODY, assign
from herdbook.matching.confidence import confidences, probabilities
from herdbook.matching.evidence import Looks, References, ScoreModel, log_ratios, refit
from herdbook.matching.exclusion import HANDOVER_S, Floats, Ints, crowds

BY_LOOKS = "appearance-exclusion/2"
BY_BRIDGE = "appearance-exclusion/2+bridge"
"""Likewise, but the animal is enrolled in an older space, and its looks were mapped."""
BY_ENROLMENT = "enrolment/1"
_CERTAIN = 50.0


@dataclass(frozen=True)
class MatchOptions:
    """How tracklets are matched."""

    overlap_tolerance_s: float = HANDOVER_S
    """Tracklets of one camera that overlap by no more may be one animal."""
    patience: float = 2.0
    """Good embeddings at which a tracklet's looks count half of what endless ones would."""
    strangers: float = 0.5
    """Animals to be expected in a pen that the roster does not list."""
    refits: int = 1
    """How often the day's own assignment teaches anew how alike an animal is to itself (decision 0251)."""


@dataclass(frozen=True)
class Day:
    """All that is known of a device day's tracklets (``n``) and of the animals (``m``) that may be on them."""

    tracklet_ids: tuple[str, ...]
    camera: tuple[str, ...]
    start: Floats
    """``[n]`` seconds."""
    end: Floats
    animal_ids: tuple[str, ...]
    possible: NDArray[np.bool_]
    """``[n, m]`` whether the animal stayed in the camera's pen then, and is not claimed elsewhere at once."""
    groups: tuple[frozenset[str], ...]
    """Sets of cameras of which no two see the same spot, as of `exclusion.camera_groups`."""
    looks: tuple[Looks, ...]
    references: tuple[References, ...]
    enrolled: dict[int, int]
    """Tracklets that a person said are this animal."""


@dataclass(frozen=True)
class Claim:
    """One tracklet's animal, or none of the enrolled ones; ``confidence`` is the probability that this is right."""

    tracklet_id: str
    animal_id: str | None
    confidence: float
    method: str
    space_id: str | None


def decide(day: Day, options: MatchOptions = MatchOptions()) -> list[Claim]:
    """One claim per tracklet, in the order of the day. No two that exclude each other name the same animal."""
    together = crowds(day.camera, day.start, day.end, day.groups, options.overlap_tolerance_s)
    gain, space, choice = _assigned(day, together, options)
    sure = np.where([s is None for s in space], _unseen(day, options), confidences(gain, choice, together))
    sure[list(day.enrolled)] = 1.0
    over = {(r.space_id, animal) for r in day.references for animal in r.over}
    claims = []
    for i, tracklet_id in enumerate(day.tracklet_ids):
        animal_id = None if choice[i] == NOBODY else day.animal_ids[choice[i]]
        by_looks = BY_BRIDGE if (space[i], int(choice[i])) in over else BY_LOOKS
        method = BY_ENROLMENT if i in day.enrolled else by_looks
        claims.append(Claim(tracklet_id, animal_id, round(float(sure[i]), 4), method, space[i]))
    return claims


def likely(day: Day, options: MatchOptions = MatchOptions()) -> Floats:
    """Probability of each animal on each tracklet, ``[n, m + 1]``; the last column is none of the enrolled.

    What a person said of a tracklet holds for it and for those seen at the same time.
    """
    together = crowds(day.camera, day.start, day.end, day.groups, options.overlap_tolerance_s)
    gain, _, _ = _assigned(day, together, options)
    return probabilities(gain, together)


def _assigned(day: Day, together: Sequence[Ints], options: MatchOptions) -> tuple[Floats, list[str | None], Ints]:
    """Log-odds, the space of each tracklet, and the assignment, after the last of the refits."""
    models: dict[str, ScoreModel] = {}
    for _ in range(options.refits):
        gain, space = _gains(day, together, options, models)
        choice = assign(gain, together)
        again = _refitted(day, choice, models)
        if not again:
            return gain, space, choice
        models = again
    gain, space = _gains(day, together, options, models)
    return gain, space, assign(gain, together)


def _refitted(day: Day, choice: Ints, models: dict[str, ScoreModel]) -> dict[str, ScoreModel]:
    referred = {r.space_id: r for r in day.references}
    found = {}
    for looks in day.looks:
        references = referred.get(looks.space_id)
        if references is not None and looks.space_id in models:
            model = refit(looks, references, choice, day.possible, models[looks.space_id])
            if model is not None:
                found[looks.space_id] = model
    return found


def _gains(
    day: Day, together: Sequence[Ints], options: MatchOptions, models: dict[str, ScoreModel]
) -> tuple[Floats, list[str | None]]:
    """Log-odds of each animal against "none of the enrolled", and the space in which each tracklet was compared.

    The prior counts heads: of the animals that stayed in the pen each is as likely; those without a reference, and
    some strangers that the roster does not list, make up "none of the enrolled".
    """
    n, m = day.possible.shape
    gain = np.full((n, m), -np.inf)
    space: list[str | None] = [None] * n
    most = np.full(n, -1.0)
    referred = {r.space_id: r for r in day.references}
    # a tracklet with looks in several spaces is compared in the one where it has most of them
    for looks in sorted(day.looks, key=lambda x: x.space_id):
        references = referred.get(looks.space_id)
        if references is None or not len(looks.tracklets):
            continue
        better = looks.weight > most[looks.tracklets]
        model = models.get(looks.space_id)
        ratios, models[looks.space_id] = log_ratios(looks, references, m, together, options.patience, model=model)
        rows = looks.tracklets[better]
        most[rows] = looks.weight[better]
        may_be = day.possible[rows] & np.isfinite(ratios[better])
        others = day.possible[rows].sum(axis=1) - may_be.sum(axis=1) + options.strangers
        gain[rows] = np.where(may_be, ratios[better] - np.log(others)[:, None], -np.inf)
        for t in rows.tolist():
            space[t] = looks.space_id
    for tracklet, animal in day.enrolled.items():
        gain[tracklet] = -np.inf
        gain[tracklet, animal] = _CERTAIN
    return gain, space


def _unseen(day: Day, options: MatchOptions) -> Floats:
    """Probability, by head count alone, that a tracklet without comparable looks is none of the enrolled."""
    enrolled = np.zeros(len(day.animal_ids), dtype=bool)
    for references in day.references:
        enrolled[references.animals] = True
    heads = day.possible.sum(axis=1) + options.strangers
    return np.asarray(1 - day.possible[:, enrolled].sum(axis=1) / heads)
