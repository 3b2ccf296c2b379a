"""A day of tracklets whose animals are known: looks drawn around each animal's own, animals always all in view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.matching.decide import Day
from herdbook.matching.evidence import Looks, References
from herdbook.matching.exclusion import camera_groups

DAY_S = 86_400.0


@dataclass(frozen=True)
class SeenDay:
    """A day, and the animal of each tracklet."""

    day: Day
    truth: NDArray[np.int64]


@dataclass(frozen=True)
class Scene:
    """``drift`` moves a whole tracklet's looks (light, posture, another day), ``noise`` each embedding's."""

    animals: int = 8
    enrolled: int = 8
    tracklets: int = 10
    """Per animal."""
    embeddings: int = 12
    """Per tracklet at most."""
    dimensions: int = 64
    alike: float = 1.0
    """Length of what all animals share, against 1 for what is their own."""
    drift: float = 0.3
    noise: float = 0.5
    references: int = 2
    listed: int | None = None
    """Animals that the roster lists; all when omitted."""
    space_id: str = "test-1"
    seed: int = 0


def seen_day(scene: Scene = Scene()) -> SeenDay:
    """Draw a day."""
    rng = np.random.default_rng(scene.seed)
    d = scene.dimensions
    shared = scene.alike * _unit(rng.normal(size=d))
    own = _unit(rng.normal(size=(scene.animals, d)))

    def tracklet_looks(animal: int, count: int) -> NDArray[np.float64]:
        drifted = shared + own[animal] + scene.drift * _unit(rng.normal(size=d))
        return _unit(drifted + scene.noise * _unit(rng.normal(size=(count, d))))

    truth, start, end, counts = [], [], [], []
    for animal in range(scene.animals):
        edges = np.sort(rng.uniform(0, DAY_S, scene.tracklets - 1))
        for a, b in zip([0.0, *edges], [*edges, DAY_S], strict=True):
            gap = min(5.0, 0.1 * (b - a))
            truth.append(animal)
            start.append(a)
            end.append(b - gap)
            counts.append(max(1, int(rng.integers(1, scene.embeddings + 1))))
    drawn = [tracklet_looks(a, c) for a, c in zip(truth, counts, strict=True)]
    halves = np.zeros((len(truth), 2, d))
    for i, vectors in enumerate(drawn):
        if len(vectors) > 1:
            half = (len(vectors) + 1) // 2
            halves[i] = _unit(np.stack([vectors[:half].mean(axis=0), vectors[half:].mean(axis=0)]))
    listed = scene.animals if scene.listed is None else scene.listed
    looks = Looks(
        space_id=scene.space_id,
        tracklets=np.arange(len(truth)),
        mean=_unit(np.stack([v.mean(axis=0) for v in drawn])),
        halves=halves,
        weight=np.array(counts, dtype=float),
    )
    references = References(
        space_id=scene.space_id,
        animals=np.repeat(np.arange(scene.enrolled), scene.references),
        mean=np.array(
            [_unit(tracklet_looks(a, 12).mean(axis=0)) for a in range(scene.enrolled) for _ in range(scene.references)]
        ).reshape(-1, d),
    )
    n = len(truth)
    day = Day(
        tracklet_ids=tuple(f"t{i}" for i in range(n)),
        camera=("cam",) * n,
        start=np.array(start),
        end=np.array(end),
        animal_ids=tuple(f"A{i}" for i in range(listed)),
        possible=np.ones((n, listed), dtype=bool),
        groups=tuple(camera_groups(["cam"], set())),
        looks=(looks,),
        references=(references,) if scene.enrolled else (),
        enrolled={},
    )
    return SeenDay(day, np.array(truth))


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
