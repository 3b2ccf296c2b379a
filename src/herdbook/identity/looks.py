"""Mean appearance of tracklets and of enrolled animals, one embedding space at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from herdbook.matching.evidence import Looks, References
from herdbook.matching.exclusion import Floats, Ints

_BATCH = 50_000
BY_NIGHT = "coalesce(hour({moment} AT TIME ZONE coalesce({timezone}, 'UTC')) NOT BETWEEN 6 AND 19, false)"
"""SQL: whether a moment is of the night, 20:00 to 06:00 of the farm's clock."""
_WORST = 0.01
"""Least quality an embedding counts with: a device that reports 0 still saw something."""


MIDDLE = "(t.started_at + (t.ended_at - t.started_at) / 2)"
_DARK = f"""
SELECT t.tracklet_id
FROM record.tracklet AS t
JOIN record.device_day AS d USING (load_id)
WHERE t.load_id = ? AND {BY_NIGHT.format(moment=MIDDLE, timezone="d.timezone")}
"""  # noqa: S608 - ours
_ENROLLED = f"""
SELECT e.space_id, e.animal_id, e.tracklet_id, e.vector, e.scale, epoch(e.seen_at),
    {BY_NIGHT.format(moment="e.seen_at", timezone="f.timezone")} AS night
FROM enrolment AS e
LEFT JOIN animal AS a USING (animal_id)
LEFT JOIN farm AS f USING (farm_id)
WHERE e.animal_id IN (SELECT unnest(?::VARCHAR[]))
ORDER BY e.space_id, e.animal_id, e.tracklet_id, e.seen_at
"""  # noqa: S608 - ours


def dequantise(vectors: pa.Array, scales: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """``vector * scale``, ``[k, d]``, of int8 lists of ``d`` values each."""
    flat = np.asarray(vectors.values if hasattr(vectors, "values") else vectors.flatten(), dtype=np.float32)
    offset = vectors.offsets[0].as_py()
    return flat[offset : offset + len(vectors) * dimensions].reshape(-1, dimensions) * scales[:, None]


def read_looks(lake: duckdb.DuckDBPyConnection, load_id: str, tracklet_ids: Sequence[str]) -> tuple[Looks, ...]:
    """What a load's tracklets look like, one entry per embedding space."""
    spaces = lake.execute(
        "SELECT space_id, mode(len(vector)) FROM record.embedding WHERE load_id = ? GROUP BY ALL ORDER BY space_id",
        [load_id],
    ).fetchall()
    return tuple(_read_space(lake, load_id, tracklet_ids, space, dimensions) for space, dimensions in spaces)


def _read_space(
    lake: duckdb.DuckDBPyConnection, load_id: str, tracklet_ids: Sequence[str], space_id: str, dimensions: int
) -> Looks:
    """Quality-weighted means, whole and by halves of each tracklet's embeddings."""
    from scipy.sparse import csr_array

    place = {t: i for i, t in enumerate(tracklet_ids)}
    sums = np.zeros((2 * len(place), dimensions))
    weight = np.zeros(2 * len(place))
    lake.execute(
        "SELECT tracklet_id, vector, scale, quality, "
        'ntile(2) OVER (PARTITION BY tracklet_id ORDER BY "at") - 1 AS half FROM record.embedding '
        "WHERE load_id = ? AND space_id = ? AND len(vector) = ?",
        [load_id, space_id, dimensions],
    )
    for batch in lake.to_arrow_reader(_BATCH):
        rows = np.array([place.get(t, -1) for t in batch.column("tracklet_id").to_pylist()], dtype=np.int64)
        vectors = dequantise(batch.column("vector"), batch.column("scale").to_numpy(zero_copy_only=False), dimensions)
        quality = np.maximum(batch.column("quality").to_numpy(zero_copy_only=False), _WORST) * (rows >= 0)
        target = np.maximum(rows, 0) * 2 + batch.column("half").to_numpy(zero_copy_only=False)
        pick = csr_array((quality, (target, np.arange(len(rows)))), shape=(len(weight), len(rows)))
        sums += pick @ vectors
        weight += np.bincount(target, quality, len(weight))
    halves = sums.reshape(-1, 2, dimensions)
    total = halves.sum(axis=1)
    seen: Ints = np.flatnonzero(np.linalg.norm(total, axis=1) > 0)
    whole = weight.reshape(-1, 2).sum(axis=1)[seen]
    dark = {t for (t,) in lake.execute(_DARK, [load_id]).fetchall()}
    night = np.array([tracklet_ids[k] in dark for k in seen.tolist()], dtype=bool)
    return Looks(space_id, seen, _unit(total[seen]), _unit(halves[seen]), whole, night)


def read_references(
    lake: duckdb.DuckDBPyConnection, animal_ids: Sequence[str], called: Mapping[str, str] | None = None
) -> tuple[References, ...]:
    """What enrolled animals look like, one entry per embedding space; one mean per enrolled tracklet.

    Args:
        lake: an open lake.
        animal_ids: the animals, in the order of their numbers.
        called: further names under which some of them were enrolled, each with the name in ``animal_ids``.
    """
    place = {a: k for k, a in enumerate(animal_ids)}
    number = place | {name: place[final] for name, final in (called or {}).items() if final in place}
    rows = lake.execute(_ENROLLED, [sorted(number)]).fetchall()
    gathered: dict[str, dict[tuple[int, str], list[tuple[Floats, float, bool]]]] = {}
    for space_id, animal_id, tracklet_id, vector, scale, seen_s, night in rows:
        look = (np.array(vector, dtype=float) * scale, seen_s, night)
        gathered.setdefault(space_id, {}).setdefault((number[animal_id], tracklet_id), []).append(look)
    found = []
    for space_id, by_tracklet in sorted(gathered.items()):
        animals = np.array([animal for animal, _ in by_tracklet], dtype=np.int64)
        mean = _unit(np.stack([np.mean([look[0] for look in of], axis=0) for of in by_tracklet.values()]))
        seen = np.array([np.mean([look[1] for look in of]) for of in by_tracklet.values()])
        dark = np.array([np.mean([look[2] for look in of]) > 0.5 for of in by_tracklet.values()])
        found.append(References(space_id, animals, mean, night=dark, seen_s=seen))
    return tuple(found)


def _unit(vectors: Floats) -> Floats:
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(norm > 0, norm, 1))
