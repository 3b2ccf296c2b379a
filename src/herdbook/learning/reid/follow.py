"""Follow animals over nights as the platform would: enrol once, match every night, remember what was sure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from herdbook.learning.evaluation.reid import ranks
from herdbook.learning.reid.nights import Keep, Night, looks_of
from herdbook.matching.decide import Day, MatchOptions, decide
from herdbook.matching.evidence import Looks, References, cosines_by_light
from herdbook.matching.exclusion import Floats, Ints, camera_groups
from herdbook.matching.pools import Kept, PoolOptions, joined, pooled

ENROLLED_TRACKLETS = 3
"""What a person enrols of an animal on its first night: those with the most good embeddings."""


def whole(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Embeddings as they were made: float32."""
    return vectors


@dataclass(frozen=True)
class Way:
    """How animals are recognised."""

    name: str
    keep: Keep = whole
    """The code in which embeddings are kept."""
    pools: PoolOptions | None = None
    """How recent looks count; None: enrolled looks alone, all the same."""
    options: MatchOptions = field(default_factory=MatchOptions)


@dataclass(frozen=True)
class NightResult:
    """What was claimed of one night's ``n`` tracklets, and what is true."""

    number: int
    truth: Ints
    """``[n]`` animal."""
    claimed: Ints
    """``[n]`` animal, or -1 for none of the enrolled."""
    confidence: Floats
    """``[n]``"""
    seconds: Floats
    """``[n]``"""
    enrolled_since: Floats
    """``[n]`` days since its true animal was enrolled; NaN where it is not."""
    queries: float
    """Tracklets of enrolled animals that have looks."""
    rank1: float
    """Of those, how many look most like their own animal."""
    precision: float
    """Summed average precision; with one prototype per animal, the inverse of the right one's rank."""


@dataclass
class _Memory:
    kept: list[Kept] = field(default_factory=list)
    since: dict[int, int] = field(default_factory=dict)

    def add(self, night: Night, looks: Looks, rows: Ints, animals: Ints, *, enrolled: bool) -> None:
        middle = (night.start + night.end)[looks.tracklets[rows]] / 2
        dark = np.zeros(len(rows), bool) if looks.night is None else looks.night[rows]
        said = np.full(len(rows), enrolled)
        self.kept.append(Kept(animals, looks.mean[rows], looks.weight[rows], middle, dark, said))

    def references(self, way: Way, space_id: str, now_s: float) -> References:
        kept = joined(self.kept)
        if way.pools is not None:
            return pooled(space_id, kept, now_s, way.pools)
        return References(space_id, kept.animals[kept.enrolled], kept.mean[kept.enrolled])


def follow(
    nights: Iterable[Night], way: Way, *, strangers: Collection[int] = (), unlisted: Collection[int] = ()
) -> list[NightResult]:
    """Match night after night.

    Args:
        nights: in the order of time.
        way: how animals are recognised.
        strangers: animals that nobody enrols.
        unlisted: of those, animals that the roster does not list either.

    Returns:
        One result per night on which somebody was enrolled before.
    """
    memory, found = _Memory(), []
    for night in nights:
        looks = looks_of(night, way.keep)
        if memory.since:
            found.append(_matched(night, looks, memory, way, set(unlisted)))
        _enrol(night, looks, memory, set(strangers) | set(unlisted))
    return found


def _enrol(night: Night, looks: Looks, memory: _Memory, left_out: set[int]) -> None:
    truth = night.truth[looks.tracklets]
    for animal in sorted(set(truth[truth >= 0].tolist()) - set(memory.since) - left_out):
        rows = np.flatnonzero(truth == animal)
        rows = np.sort(rows[np.argsort(-looks.weight[rows], kind="stable")[:ENROLLED_TRACKLETS]])
        memory.add(night, looks, rows, np.full(len(rows), animal), enrolled=True)
        memory.since[animal] = night.number


def _matched(night: Night, looks: Looks, memory: _Memory, way: Way, unlisted: set[int]) -> NightResult:
    roster = sorted(set(night.pens) - unlisted)
    number = {animal: k for k, animal in enumerate(roster)}
    references = _on_roster(memory.references(way, night.space_id, float(night.start.min(initial=0))), number)
    pens = np.array([night.pens[animal] for animal in roster], dtype=object)
    seen = looks if way.pools is not None and way.pools.by_light else _without_light(looks)
    day = Day(
        tracklet_ids=tuple(map(str, range(len(night.truth)))),
        camera=night.camera,
        start=night.start,
        end=night.end,
        animal_ids=tuple(map(str, roster)),
        possible=np.array(night.camera, dtype=object)[:, None] == pens[None, :],
        groups=tuple(camera_groups(night.camera, set())),
        looks=(seen,),
        references=(references,),
        enrolled={},
    )
    claims = decide(day, way.options)
    claimed = np.array([-1 if c.animal_id is None else int(c.animal_id) for c in claims], np.int64)
    confidence = np.array([c.confidence for c in claims])
    if way.pools is not None:
        rows = np.flatnonzero((claimed[looks.tracklets] >= 0) & (confidence[looks.tracklets] >= way.pools.sure))
        memory.add(night, looks, rows, claimed[looks.tracklets[rows]], enrolled=False)
    since = np.array([night.number - memory.since[a] if a in memory.since else np.nan for a in night.truth.tolist()])
    named = np.array(roster)[np.unique(references.animals)]
    scores = ranks(cosines_by_light(seen, references), night.truth[looks.tracklets][:, None] == named[None, :])
    return NightResult(night.number, night.truth, claimed, confidence, night.seconds, since, *scores)


def _on_roster(references: References, number: dict[int, int]) -> References:
    there = np.isin(references.animals, list(number))
    animals = np.array([number[a] for a in references.animals[there].tolist()], np.int64)
    weight = None if references.weight is None else references.weight[there]
    night = None if references.night is None else references.night[there]
    return References(references.space_id, animals, references.mean[there], weight=weight, night=night)


def _without_light(looks: Looks) -> Looks:
    return Looks(looks.space_id, looks.tracklets, looks.mean, looks.halves, looks.weight)
