"""Looks of the last weeks: of tracklets that were surely an animal's, as references beside what was enrolled.

They are read off the embeddings of earlier days through ``identity``, so that a correction, or its undo, is heeded at
once, and what a model release of another embedding space saw never enters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from herdbook.identity.looks import BY_NIGHT, MIDDLE, dequantise
from herdbook.matching.decide import BY_ENROLMENT
from herdbook.matching.evidence import References
from herdbook.matching.pools import Kept, PoolOptions, joined, pooled

_CHOSEN = f"""
WITH sure AS (
    SELECT i.load_id, i.tracklet_id, i.animal_id, d.timezone, i.day,
        {BY_NIGHT.format(moment=MIDDLE, timezone="d.timezone")} AS night,
        epoch({MIDDLE}) AS seen_s
    FROM identity AS i
    JOIN device_day AS d USING (farm_id, device_id, day, load_id)
    JOIN tracklet AS t USING (farm_id, device_id, day, load_id, tracklet_id)
    WHERE i.animal_id IN (SELECT unnest($animals::VARCHAR[])) AND i.confidence >= $sure
        AND d.ends_at <= $before AND d.starts_at >= $since
        AND i.method NOT LIKE '%+bridge' AND i.method <> '{BY_ENROLMENT}'
),
weighed AS (
    SELECT s.load_id, s.tracklet_id, s.animal_id, s.day, s.night, s.seen_s, e.space_id, sum(e.quality) AS weight
    FROM sure AS s
    JOIN record.embedding AS e ON e.load_id = s.load_id AND e.tracklet_id = s.tracklet_id
    WHERE e.space_id IN (SELECT unnest($spaces::VARCHAR[])) AND e.quality > 0
    GROUP BY s.load_id, s.tracklet_id, s.animal_id, s.day, s.night, s.seen_s, e.space_id
    QUALIFY row_number() OVER (
        PARTITION BY s.animal_id, s.day, s.night, e.space_id ORDER BY sum(e.quality) DESC, s.tracklet_id
    ) <= $per_day
)
SELECT w.space_id, w.animal_id, w.load_id, w.tracklet_id, w.night, w.seen_s, w.weight, e.vector, e.scale, e.quality
FROM weighed AS w
JOIN record.embedding AS e ON e.load_id = w.load_id AND e.tracklet_id = w.tracklet_id AND e.space_id = w.space_id
ORDER BY w.space_id, w.animal_id, w.load_id, w.tracklet_id, e."at"
"""  # noqa: S608 - ours


def with_recent(
    lake: duckdb.DuckDBPyConnection,
    references: Sequence[References],
    number: Mapping[str, int],
    *,
    spaces: Sequence[str],
    before: datetime,
    options: PoolOptions,
) -> tuple[References, ...]:
    """References as of a day's beginning: what was enrolled, and the animals' looks of the weeks before.

    Args:
        lake: an open lake.
        references: of enrolled animals, in the day's own spaces; an animal that nobody enrolled gets no looks.
        number: the animals, with their numbers.
        spaces: the day's.
        before: begin of the day.
        options: how long looks count.
    """
    rows = lake.execute(
        _CHOSEN,
        {
            "animals": sorted(number),
            "spaces": list(spaces),
            "sure": options.sure,
            "before": before,
            "since": before - timedelta(days=options.days + 1),
            "per_day": options.per_day,
        },
    ).to_arrow_table()
    if not rows.num_rows:
        return tuple(references)
    now_s = before.timestamp()
    return tuple(_pooled(r, _recent(rows, r, number), now_s, options) for r in references)


def _recent(rows: pa.Table, references: References, number: Mapping[str, int]) -> Kept | None:
    mine = rows.filter(pc.equal(rows["space_id"], references.space_id)).combine_chunks()
    d = references.mean.shape[1]
    mine = mine.filter(pc.equal(pc.list_value_length(mine["vector"]), d)).combine_chunks()
    if not mine.num_rows:
        return None
    scale = mine["scale"].to_numpy().astype(np.float32)
    vectors = dequantise(mine["vector"].combine_chunks(), scale, d) * mine["quality"].to_numpy()[:, None]
    keys = list(zip(*(mine[name].to_pylist() for name in ("load_id", "tracklet_id")), strict=True))
    first = np.flatnonzero([k == 0 or keys[k] != keys[k - 1] for k in range(len(keys))])
    sums = np.add.reduceat(vectors.astype(np.float64), first, axis=0)
    at = mine.take(first)
    animals = np.array([number[name] for name in at["animal_id"].to_pylist()], np.int64)
    keep = np.isin(animals, references.animals) & (np.linalg.norm(sums, axis=1) > 0)
    return Kept(
        animals[keep],
        sums[keep] / np.linalg.norm(sums[keep], axis=1, keepdims=True),
        at["weight"].to_numpy()[keep].astype(np.float64),
        at["seen_s"].to_numpy()[keep],
        at["night"].to_numpy(zero_copy_only=False)[keep].astype(bool),
        np.zeros(int(keep.sum()), bool),
    )


def _pooled(references: References, recent: Kept | None, now_s: float, options: PoolOptions) -> References:
    """Enrolled and recent looks together; animals without recent ones keep theirs."""
    if recent is None or not len(recent.animals):
        return references
    n = len(references.animals)
    seen = np.full(n, now_s) if references.seen_s is None else references.seen_s
    dark = np.zeros(n, bool) if references.night is None else references.night
    enrolled = Kept(references.animals, references.mean, np.ones(n), seen, dark, np.ones(n, bool))
    found = pooled(references.space_id, joined([enrolled, recent]), now_s, options)
    return References(found.space_id, found.animals, found.mean, references.over, found.weight, found.night)
