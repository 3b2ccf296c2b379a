"""Cannot-link, by what everybody reads: no animal on two tracklets of one camera, or of disjoint cameras, at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from herdbook.errors import IdentityConflictError
from herdbook.identity.gather import disjoint_cameras
from herdbook.identity.words import CARRIED, Saying, Says
from herdbook.matching.decide import BY_ENROLMENT
from herdbook.matching.exclusion import HANDOVER_S

_PAIRS = """
WITH concerned AS (
    SELECT i.animal_id, i.day, min(t.started_at) AS since, max(t.ended_at) AS until
    FROM identity AS i
    JOIN touched_tracklets USING (load_id, tracklet_id)
    JOIN tracklet AS t USING (farm_id, device_id, day, load_id, tracklet_id)
    WHERE i.animal_id IS NOT NULL
    GROUP BY ALL
),
seen AS (
    SELECT i.*, t.camera_id, t.started_at, t.ended_at, p.tracklet_id IS NOT NULL AS touched
    FROM identity AS i
    JOIN concerned AS c USING (animal_id, day)
    JOIN tracklet AS t USING (farm_id, device_id, day, load_id, tracklet_id)
    LEFT JOIN touched_tracklets AS p ON p.load_id = i.load_id AND p.tracklet_id = i.tracklet_id
    WHERE t.started_at < c.until AND t.ended_at > c.since
)
SELECT
    a.animal_id, a.load_id, a.tracklet_id, a.method, a.run_id, a.confidence, a.identified,
    b.load_id, b.tracklet_id, b.method, b.run_id, b.confidence, b.identified
FROM seen AS a
JOIN seen AS b
    ON a.animal_id = b.animal_id AND a.day = b.day AND (a.load_id, a.tracklet_id) <> (b.load_id, b.tracklet_id)
LEFT JOIN apart_cameras AS x ON x.one = a.camera_id AND x.other = b.camera_id
WHERE a.touched AND (a.camera_id = b.camera_id OR x.one IS NOT NULL)
    AND epoch(least(a.ended_at, b.ended_at)) - epoch(greatest(a.started_at, b.started_at)) > ?
ORDER BY ALL
"""


@dataclass(frozen=True)
class _Side:
    load_id: str
    tracklet_id: str
    method: str
    operation_id: str
    confidence: float
    identified: bool

    @property
    def bound(self) -> bool:
        """Whether it stands above later claims."""
        return self.method.startswith("person/")

    @property
    def said(self) -> bool:
        """Whether a person said so of this very tracklet; merging or splitting animals says nothing of single ones."""
        return self.method == BY_ENROLMENT or (self.bound and self.method not in CARRIED)

    def gives_way(self, animal_id: str) -> Saying:
        """That it is not claimed for the animal any more."""
        says = Says.NOBODY if self.bound else Says.SET_ASIDE
        return Saying(self.load_id, self.tracklet_id, says, None if self.bound else animal_id, 0.0)


def settle(
    lake: duckdb.DuckDBPyConnection, touched: Collection[tuple[str, str]], *, despite_overlap: bool
) -> list[Saying]:
    """Which claims give way so that no animal is on two tracklets that exclude each other.

    Args:
        lake: a connection inside the transaction that appended an operation.
        touched: load and tracklet of all that it speaks of, or that what it undoes spoke of.
        despite_overlap: whether a pair of which both are identified is settled, too.

    Returns:
        The claims to set aside: of a person's word and a claim the claim, of two claims or two names that a merge
        brought together the less confident.

    Raises:
        IdentityConflictError: two words of people contradict each other, or two identified claims and not
            ``despite_overlap``.
    """
    if not touched:
        return []
    aside: dict[tuple[str, str], Saying] = {}
    for animal_id, one, other in _pairs(lake, touched):
        keys = {(one.load_id, one.tracklet_id), (other.load_id, other.tracklet_id)}
        if keys & aside.keys():
            continue
        loser = _loser(animal_id, one, other, despite_overlap=despite_overlap)
        aside[loser.load_id, loser.tracklet_id] = loser.gives_way(animal_id)
    return list(aside.values())


def _loser(animal_id: str, one: _Side, other: _Side, *, despite_overlap: bool) -> _Side:
    if one.said and other.said:
        how = f"; `herdbook identity undo {other.operation_id}`" if other.method != BY_ENROLMENT else ""
        unenrol = f"herdbook animal unenrol {animal_id} --tracklet {other.tracklet_id}"
        raise IdentityConflictError(
            f"{one.tracklet_id} and {other.tracklet_id} were seen at once and cannot both be {animal_id}",
            f"Take the earlier word back first{how}." if how else f"If the enrolment was wrong: {unenrol}",
        )
    if not despite_overlap and one.identified and other.identified:
        raise IdentityConflictError(
            f"{one.tracklet_id} and {other.tracklet_id} were seen at once: they are two animals",
            "Correct those tracklets first; or set the less sure of each such pair aside with --despite-overlap.",
        )
    if one.said != other.said:
        return other if one.said else one
    return min(one, other, key=lambda s: (s.confidence, s.load_id, s.tracklet_id))


def _pairs(lake: duckdb.DuckDBPyConnection, touched: Collection[tuple[str, str]]) -> list[tuple[str, _Side, _Side]]:
    extent = lake.execute(
        "SELECT min(starts_at), max(ends_at) FROM device_day WHERE load_id IN (SELECT unnest(?::VARCHAR[]))",
        [sorted({load for load, _ in touched})],
    ).fetchone()
    if extent is None or extent[0] is None:
        return []
    apart = [tuple(sorted(pair)) for pair in disjoint_cameras(lake, *extent)]
    lake.register("apart_cameras", _texts(("one", "other"), {*apart, *((b, a) for a, b in apart)}))
    lake.register("touched_tracklets", _texts(("load_id", "tracklet_id"), touched))
    try:
        rows = lake.execute(_PAIRS, [HANDOVER_S]).fetchall()
    finally:
        lake.unregister("apart_cameras")
        lake.unregister("touched_tracklets")
    return [(row[0], _Side(*row[1:7]), _Side(*row[7:13])) for row in rows]


def _texts(names: tuple[str, str], pairs: Collection[tuple[str, ...]]) -> pa.Table:
    order = sorted(pairs)
    return pa.table({name: pa.array([pair[k] for pair in order], pa.string()) for k, name in enumerate(names)})
