"""How much a tracklet's looks speak for an animal: a log-likelihood ratio, calibrated on the day itself.

A cosine alone says nothing: in one space strangers score 0.1, in another 0.9. But the day holds its own answer: halves
of one tracklet show how alike an animal is to itself, tracklets seen at once show how alike strangers are. Both are
taken as normal with one variance, which makes the log-likelihood ratio linear in the cosine (Fisher's discriminant).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.errors import CrossSpaceError
from herdbook.matching.exclusion import Floats, Ints

Bools = NDArray[np.bool_]

MAX_PAIRS = 20_000
MIN_SPREAD = 0.01
ENOUGH_PAIRS = 4
"""Pairs of enrolled tracklets of one animal from which on they alone say how alike an animal is to itself."""
ENOUGH_ASSIGNED = 30
"""Assigned tracklets from which on a day's own assignment says how alike an animal is to its prototype."""
CENTRED_FROM = 3
"""Vectors from which on what they all share is taken away: it says nothing about who is who."""
OTHER_LIGHT = 0.5
"""How much a look of the day counts for what an animal looks like by night, and the other way round."""
_FLOOR = 3.0
"""How many ceilings evidence may speak against an animal."""


@dataclass(frozen=True)
class Looks:
    """Mean embeddings of tracklets in one space; every vector has L2 norm 1."""

    space_id: str
    tracklets: Ints
    """``[k]`` indices of the tracklets."""
    mean: Floats
    """``[k, d]``."""
    halves: Floats
    """``[k, 2, d]`` of the earlier and the later half; zeros where a tracklet has one embedding only."""
    weight: Floats
    """``[k]`` summed quality: how many good embeddings it has."""
    night: Bools | None = None
    """``[k]`` whether it was seen by night; None where that is not told apart."""


@dataclass(frozen=True)
class References:
    """What enrolled animals look like in one space."""

    space_id: str
    animals: Ints
    """``[r]`` the animal of each enrolled tracklet."""
    mean: Floats
    """``[r, d]``, L2 norm 1."""
    over: frozenset[int] = frozenset()
    """Animals whose looks came over a bridge from another space (`herdbook.identity.crossing`)."""
    weight: Floats | None = None
    """``[r]`` how much each counts, above 0: less the older it is (`herdbook.matching.pools`). None: all the same."""
    night: Bools | None = None
    """``[r]`` whether each was seen by night; None where that is not told apart."""
    seen_s: Floats | None = None
    """``[r]`` when, seconds of UTC since 1970; None where that is not known."""

    def __post_init__(self) -> None:
        if len(self.animals) != len(self.mean):
            raise ValueError("one animal per reference")
        if any(p is not None and len(p) != len(self.animals) for p in (self.weight, self.night, self.seen_s)):
            raise ValueError("one weight, light and time per reference")


@dataclass(frozen=True)
class ScoreModel:
    """Cosines of one animal with itself and of strangers: normal, with a common spread."""

    same: float
    different: float
    spread: float
    ceiling: float
    """No ratio above what so many pairs can show: the log of their number."""

    def log_ratio(self, cosine: Floats) -> Floats:
        """Log-likelihood ratios of "same animal" against "strangers", ``[k, r]`` as the cosines.

        Where a row exceeds the ceiling all of it is lowered: how the animals compare with each other stays.
        """
        gap = self.same - self.different
        if gap <= 0 or not cosine.size:  # looks do not tell animals apart here
            return np.zeros_like(cosine)
        ratio = gap / self.spread**2 * (cosine - (self.same + self.different) / 2)
        excess = np.maximum(ratio.max(axis=1, keepdims=True) - self.ceiling, 0)
        return np.asarray(np.maximum(ratio - excess, -_FLOOR * self.ceiling))


def log_ratios(
    looks: Looks,
    references: References,
    animals: int,
    together: Sequence[Ints],
    patience: float,
    *,
    model: ScoreModel | None = None,
) -> tuple[Floats, ScoreModel]:
    """Evidence of each tracklet for each animal, in one space.

    Args:
        looks: the tracklets.
        references: the enrolled animals, in the same space.
        animals: number of animals, ``m``.
        together: crowds of tracklets that are different animals.
        patience: embeddings at which a tracklet's evidence counts half.
        model: how alike animals are; learned by `fit` when omitted.

    Returns:
        ``[k, m]`` log-likelihood ratios, ``-inf`` for animals without a reference; and the model behind them.

    Raises:
        CrossSpaceError: the spaces differ: they are never compared.
    """
    known = np.unique(references.animals)
    cosine = cosines_by_light(looks, references)
    model = model or fit(looks, references, together)
    reliability = looks.weight / (looks.weight + patience)
    ratios = np.full((len(looks.mean), animals), -np.inf)
    ratios[:, known] = model.log_ratio(cosine) * reliability[:, None]
    return ratios, model


def fit(looks: Looks, references: References, together: Sequence[Ints]) -> ScoreModel:
    """Learn from pairs whose answer is known how alike an animal is to itself, and strangers to each other.

    An animal enrolled with several tracklets shows how alike it is across them; halves of one tracklet share its
    light and posture, and speak only where such pairs are few.
    """
    _, prototypes = _prototypes(references)
    shared = _shared(looks, prototypes)
    own, enrolled, seen = (_unit(v - shared) for v in (prototypes, references.mean, looks.mean))
    halves = looks.halves[np.linalg.norm(looks.halves, axis=2).min(axis=1, initial=1) > 0]
    first, second = np.triu_indices(len(enrolled), 1)
    one = references.animals[first] == references.animals[second]
    if references.night is not None:
        one &= references.night[first] == references.night[second]
    same = _cosines(enrolled[first[one]], enrolled[second[one]])
    if len(same) < ENOUGH_PAIRS:
        same = np.concatenate([same, _cosines(_unit(halves[:, 0] - shared), _unit(halves[:, 1] - shared))])
    i, j = _apart(looks, together)
    strangers = (own @ own.T)[np.triu_indices(len(own), 1)]
    different = np.concatenate([_cosines(seen[i], seen[j]), strangers])
    if not len(different):
        return ScoreModel(1.0, 0.0, 1.0, 0.0)
    low = float(different.mean())
    high = float(same.mean()) if len(same) else (1 + low) / 2
    variance = (float(different.var()) + float((same if len(same) else different).var())) / 2
    return ScoreModel(high, low, max(float(np.sqrt(variance)), MIN_SPREAD), float(np.log1p(len(different))))


def refit(looks: Looks, references: References, choice: Ints, possible: Bools, first: ScoreModel) -> ScoreModel | None:
    """Learn anew, from the assignment that a first model gave, how alike tracklets are to their own animal's prototype.

    Exclusion and the roster decide much that looks alone do not: an assignment is right more often than the first
    model, which knows only pairs of enrolled tracklets, dares to say. This is a step of classification EM (Celeux &
    Govaert 1992, doi:10.1016/0167-9473(92)90042-E).

    Args:
        looks: the tracklets.
        references: the enrolled animals, in the same space.
        choice: ``[n]`` animal of each tracklet of the day, or -1.
        possible: ``[n, m]`` whom each may be.
        first: the model that the choice was made by.

    Returns:
        None where too few tracklets were given to anybody to learn from.
    """
    known = np.unique(references.animals)
    cosine = cosines_by_light(looks, references)
    own = choice[looks.tracklets][:, None] == known[None, :]
    others = possible[looks.tracklets][:, known] & ~own
    if own.sum() < ENOUGH_ASSIGNED or others.sum() < ENOUGH_ASSIGNED:
        return None
    same, different = cosine[own], cosine[others]
    spread = float(np.sqrt((same.var() + different.var()) / 2))
    return ScoreModel(float(same.mean()), float(different.mean()), max(spread, MIN_SPREAD), first.ceiling)


def cosines_by_light(looks: Looks, references: References) -> Floats:
    """Cosines of tracklets to the enrolled animals; by night more to what they look like by night, where that is known.

    Args:
        looks: ``k`` tracklets.
        references: of ``a`` animals, in the same space.

    Returns:
        ``[k, a]``, the animals ascending.

    Raises:
        CrossSpaceError: the spaces differ: they are never compared.
    """
    if looks.space_id != references.space_id:
        raise CrossSpaceError(
            f"looks of embedding space '{looks.space_id}' are not compared with those of '{references.space_id}'"
        )
    if looks.night is None or references.night is None:
        return _cosines_to(looks.mean, *_centre(looks, references, None))
    cosine = np.empty((len(looks.mean), len(np.unique(references.animals))))
    for night in (False, True):
        rows = looks.night == night
        if rows.any():
            cosine[rows] = _cosines_to(looks.mean[rows], *_centre(looks, references, night))
    return cosine


def _centre(looks: Looks, references: References, night: bool | None) -> tuple[Floats, Floats]:
    """Prototypes, and what they share."""
    _, prototypes = _prototypes(references, night)
    return prototypes, _shared(looks, prototypes)


def _cosines_to(seen: Floats, prototypes: Floats, shared: Floats) -> Floats:
    return np.asarray(_unit(seen - shared) @ _unit(prototypes - shared).T)


def _prototypes(references: References, night: bool | None = None) -> tuple[Ints, Floats]:
    """The enrolled animals and their mean looks, weighted; for one light mostly by what was seen in it."""
    known = np.unique(references.animals)
    weight = np.ones(len(references.animals)) if references.weight is None else references.weight
    if night is not None and references.night is not None:
        weight = np.where(references.night == night, weight, OTHER_LIGHT * weight)
    own = [references.animals == a for a in known]
    return known, _unit(np.stack([np.average(references.mean[rows], axis=0, weights=weight[rows]) for rows in own]))


def _shared(looks: Looks, prototypes: Floats) -> Floats:
    """What all animals look like: of the enrolled ones, each counting once; of the day where few are enrolled."""
    several = prototypes if len(prototypes) >= CENTRED_FROM else looks.mean
    return several.mean(axis=0) if len(several) >= CENTRED_FROM else np.zeros(prototypes.shape[1])


def _apart(looks: Looks, together: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Pairs of this space's tracklets that were seen at once: rows of `looks`; every n-th where there are too many."""
    row = {int(t): k for k, t in enumerate(looks.tracklets)}
    firsts: list[Ints] = []
    seconds: list[Ints] = []
    for crowd in together:
        members = np.array([row[t] for t in crowd.tolist() if t in row], dtype=np.int64)
        a, b = np.triu_indices(len(members), 1)
        firsts.append(members[a])
        seconds.append(members[b])
    none = np.zeros(0, dtype=np.int64)
    pairs = np.unique(np.concatenate([none, *firsts]) * len(looks.mean) + np.concatenate([none, *seconds]))
    pairs = pairs[:: max(1, len(pairs) // MAX_PAIRS)]
    return pairs // max(len(looks.mean), 1), pairs % max(len(looks.mean), 1)


def _cosines(one: Floats, other: Floats) -> Floats:
    return np.asarray(np.einsum("kd,kd->k", one, other))


def _unit(vectors: Floats) -> Floats:
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(norm > 0, norm, 1))
