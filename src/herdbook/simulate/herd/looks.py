"""Embeddings: what animals look like, how a look turns with age, and how look-alikes are alike.

In each embedding space an animal has a look of its own and a direction in which it turns as it ages; a seen look is
that plus noise, and plus posture, dirt and light where the plan has them (`nuisance`). Pairs of look-alikes share part
of theirs. Vectors of different spaces have nothing in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from herdbook.simulate.herd.columns import moments, named, same
from herdbook.simulate.herd.nuisance import Nuisance, nuisance
from herdbook.simulate.herd.plan import DAYS_PER_YEAR, HerdPlan
from herdbook.simulate.herd.population import Floats, Ints, Population
from herdbook.simulate.herd.records import Filled
from herdbook.simulate.streams import stream

_ROWS_AT_ONCE = 20_000
VECTOR = pa.list_(pa.field("element", pa.int8(), nullable=False))


@dataclass(frozen=True)
class Appearance:
    """One device's animals in one space, ``n`` by ``d``, rows of length 1."""

    own: Floats
    turns_to: Floats
    """Orthogonal to ``own``."""

    def at_age(self, animal: Ints, radians: Floats) -> Floats:
        """Looks of animals that have turned so far from their first: ``[rows, d]``."""
        return np.asarray(
            np.cos(radians)[:, None] * self.own[animal] + np.sin(radians)[:, None] * self.turns_to[animal], np.float32
        )


def appearance(plan: HerdPlan, device: int, space: str, animals: Population) -> Appearance:
    """Looks of a device's animals; the cosine between look-alikes is the plan's likeness, up to chance of 1/sqrt(d)."""
    rng = stream(plan.seed, plan.farm_id, device, "appearance", space)
    n, d = len(animals), plan.detail.dimensions
    of_pairs = _unit(rng.standard_normal((plan.places // 2 + 1, d), dtype=np.float32))
    alone = _unit(rng.standard_normal((n, d), dtype=np.float32))
    c = plan.identity.likeness
    own = _unit(np.float32(np.sqrt(c)) * of_pairs[animals.place // 2] + np.float32(np.sqrt(1 - c)) * alone)
    turn = rng.standard_normal((n, d), dtype=np.float32)
    turn -= (turn * own).sum(axis=1, keepdims=True) * own
    return Appearance(own, _unit(turn))


def looks_of_tracklets(f: Filled) -> Ints:
    """``[m]`` number of embeddings of each tracklet, by number: by its length at the plan's rate."""
    rng = stream(f.plan.seed, f.plan.farm_id, f.chunk.device, f.chunk.first, "looks")
    hours = (f.tracklets.stop - f.tracklets.start)[f.order] / 3600
    return rng.poisson(hours * f.plan.detail.embeddings_per_hour).astype(np.int32)


@dataclass(frozen=True)
class SeenLooks:
    """Looks as they were seen, before they are quantised; ``k`` of them, ordered by tracklet and time."""

    tracklet: NDArray[np.int64]
    """``[k]`` number of the tracklet."""
    at: NDArray[np.int64]
    """``[k]`` microseconds UTC."""
    space: NDArray[np.int64]
    """``[k]`` index of the space in the plan's own order."""
    vectors: Floats
    """``[k, d]``, L2 norm 1."""
    quality: Floats
    """``[k]`` 0..1."""


def embedding_rows(f: Filled, counts: Ints) -> Iterator[pa.Table]:
    """``record.embedding`` in pieces that bound memory, ordered by tracklet and time.

    Args:
        f: the chunk.
        counts: as of `looks_of_tracklets`.
    """
    spaces = list(dict.fromkeys(f.names.spaces))
    for seen in seen_looks(f, counts):
        yield _table(f, seen, spaces)


def seen_looks(f: Filled, counts: Ints) -> Iterator[SeenLooks]:
    """Looks in pieces that bound memory, ordered by tracklet and time.

    Args:
        f: the chunk.
        counts: as of `looks_of_tracklets`.
    """
    spaces = {name: appearance(f.plan, f.chunk.device, name, f.part.animals) for name in dict.fromkeys(f.names.spaces)}
    nuisances = {name: nuisance(f.plan, f.chunk.device, name, len(f.part.animals)) for name in spaces}
    space_of = np.array([list(spaces).index(name) for name in f.names.spaces])
    ends = np.cumsum(counts)
    first, piece = 0, 0
    while first < len(counts):
        begun = ends[first] - counts[first]
        last = max(first + 1, int(np.searchsorted(ends, begun + _ROWS_AT_ONCE, side="right")))
        rows = np.repeat(np.arange(first, last), counts[first:last])
        if len(rows):
            both = {name: (look, nuisances[name]) for name, look in spaces.items()}
            yield _piece(f, rows=rows, counts=counts, spaces=both, space_of=space_of, piece=piece)
        first, piece = last, piece + 1


def _piece(
    f: Filled,
    *,
    rows: NDArray[np.int64],
    counts: Ints,
    spaces: dict[str, tuple[Appearance, Nuisance | None]],
    space_of: NDArray[np.int64],
    piece: int,
) -> SeenLooks:
    rng = stream(f.plan.seed, f.plan.farm_id, f.chunk.device, f.chunk.first, "vectors", piece)
    tracklet = f.order[rows]
    cell = f.tracklets.cell[tracklet]
    begins = np.append(True, rows[1:] != rows[:-1])
    within = np.arange(len(rows)) - np.maximum.accumulate(np.where(begins, np.arange(len(rows)), 0))
    length = (f.tracklets.stop - f.tracklets.start)[tracklet] * 1e6
    at = f.moment(cell, f.tracklets.start[tracklet])
    at = at + ((within + rng.random(len(rows)) * 0.999) / counts[rows] * length).astype(np.int64)
    animal, day = f.cells.animal[cell], f.cells.day[cell]
    age = (day - f.part.animals.entry[animal]) / DAYS_PER_YEAR * f.plan.detail.ageing_per_year
    space = space_of[f.part.release[day]]
    seen = np.empty((len(rows), f.plan.detail.dimensions), np.float32)
    for k, (look, moved) in enumerate(spaces.values()):
        mine = space == k
        seen[mine] = look.at_age(animal[mine], age[mine].astype(np.float32))
        if moved is not None:
            hour = (at[mine] - f.midnight[day[mine] - f.chunk.first]) // 3_600_000_000
            seen[mine] += moved.of(animal[mine], day[mine], tracklet[mine] + (f.chunk.first << 24), hour)
    noise = rng.standard_normal(seen.shape, dtype=np.float32)
    quality = (1 - 0.6 * rng.random(len(rows), dtype=np.float32) ** 2).astype(np.float32)
    seen += noise * (f.plan.detail.look_noise / np.sqrt(seen.shape[1]) / quality)[:, None].astype(np.float32)
    return SeenLooks(rows, at, space, _unit(seen), np.round(quality, 3))


def _table(f: Filled, seen: SeenLooks, spaces: list[str]) -> pa.Table:
    scale = np.abs(seen.vectors).max(axis=1) / np.float32(127)
    codes = np.rint(seen.vectors / scale[:, None]).astype(np.int8)
    offsets = pa.array(np.arange(len(codes) + 1, dtype=np.int32) * codes.shape[1])
    day = f.cells.day[f.tracklets.cell[f.order[seen.tracklet]]]
    return pa.table(
        {
            "load_id": named(day - f.chunk.first, f.loads),
            "tracklet_id": named(seen.tracklet, f.tracklet_ids),
            "at": moments(seen.at),
            "space_id": named(seen.space, spaces),
            "vector": pa.ListArray.from_arrays(offsets, pa.array(codes.ravel()), type=VECTOR),
            "scale": scale.astype(np.float32),
            "quality": seen.quality,
            "clip": same(None, len(codes)),
            "release_id": named(f.part.release[day], [r.release_id for r in f.plan.releases]),
        }
    )


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
