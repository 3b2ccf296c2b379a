"""Read from the lake all that matching a device day needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.codes import same_look
from herdbook.errors import NotFoundError
from herdbook.identity.crossing import cross
from herdbook.identity.decisions import ByHand, by_hand, finally_called, names_of
from herdbook.identity.looks import read_looks, read_references
from herdbook.identity.recent import with_recent
from herdbook.matching.decide import Day
from herdbook.matching.exclusion import Floats, camera_groups
from herdbook.matching.pools import PoolOptions
from herdbook.roster.rows import CAMERAS, PEN_STAYS
from herdbook.roster.versions import current_rows

_FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class _Tracklets:
    ids: tuple[str, ...]
    camera: tuple[str, ...]
    pen: tuple[str | None, ...]
    start: Floats
    end: Floats


def gather(lake: duckdb.DuckDBPyConnection, load_id: str, tolerance_s: float, *, bridges: Path | None = None) -> Day:
    """The tracklets of a load, the animals that stayed in their pens, and what both look like.

    Args:
        lake: an open lake.
        load_id: a load.
        tolerance_s: overlaps no longer than this exclude nobody.
        bridges: where maps between embedding spaces are kept; without it animals enrolled in other spaces are unknown.

    Raises:
        NotFoundError: there is no such load.
    """
    row = lake.execute("SELECT starts_at, ends_at FROM record.device_day WHERE load_id = ?", [load_id]).fetchone()
    if row is None:
        raise NotFoundError(
            f"the lake has no load '{load_id}'", '`herdbook sql "FROM device_day"` lists what is loaded.'
        )
    starts_at, ends_at = row
    tracklets = _tracklets(lake, load_id)
    stays = [
        s
        for s in current_rows(lake, PEN_STAYS).values()
        if s["pen_id"] in tracklets.pen and s["valid_from"] < ends_at and (s["valid_to"] or _FOREVER) > starts_at
    ]
    said = by_hand(lake, load_id, starts_at, ends_at)
    listed = {s["animal_id"] for s in stays}
    animals = tuple(sorted(listed | {r.into for r in said.renamings if r.other in listed}))
    number = {a: k for k, a in enumerate(animals)}
    possible = np.zeros((len(tracklets.ids), len(animals)), dtype=bool)
    pens = np.array(tracklets.pen, dtype=object)
    for s in stays:
        begin, finish = s["valid_from"].timestamp(), (s["valid_to"] or _FOREVER).timestamp()
        there = (pens == s["pen_id"]) & (tracklets.start < finish) & (tracklets.end > begin)
        possible[there, number[s["animal_id"]]] = True
    disjoint = disjoint_cameras(lake, starts_at, ends_at)
    elsewhere = _claimed_elsewhere(lake, load_id, tracklets, disjoint, tolerance_s)
    for tracklet, animal_id in elsewhere:
        if animal_id in number:
            possible[tracklet, number[animal_id]] = False
    fixed = _enrolled(lake, load_id, tracklets.ids, animals, said)
    _heed(said, tracklets, number, possible)
    looks = read_looks(lake, load_id, tracklets.ids)
    references = read_references(lake, animals, {a: finally_called(a, said.renamings) for a in _names(animals, said)})
    known = references if bridges is None else cross(lake, bridges, looks, references)
    spaces = [x.space_id for x in looks]
    recent = with_recent(lake, known, number, spaces=spaces, before=starts_at, options=PoolOptions())
    return Day(
        tracklet_ids=tracklets.ids,
        camera=tracklets.camera,
        start=tracklets.start,
        end=tracklets.end,
        animal_ids=animals,
        possible=possible,
        groups=tuple(camera_groups(tracklets.camera, disjoint)),
        looks=looks,
        references=recent,
        enrolled=fixed,
    )


def disjoint_cameras(lake: duckdb.DuckDBPyConnection, since: datetime, until: datetime) -> set[frozenset[str]]:
    """Pairs of cameras that the roster declares disjoint at some time of an interval; one side's word is enough."""
    return {
        frozenset((row["camera_id"], other))
        for row in current_rows(lake, CAMERAS).values()
        if row["valid_from"] < until and (row["valid_to"] or _FOREVER) > since
        for other in row["disjoint_from"] or ()
    }


def _tracklets(lake: duckdb.DuckDBPyConnection, load_id: str) -> _Tracklets:
    rows = lake.execute(
        "SELECT t.tracklet_id, t.camera_id, c.pen_id, epoch(t.started_at), epoch(t.ended_at) "
        "FROM record.tracklet t LEFT JOIN record.camera_setup c ON c.load_id = t.load_id AND c.camera_id = t.camera_id "
        "WHERE t.load_id = ? ORDER BY t.started_at, t.tracklet_id",
        [load_id],
    ).fetchall()
    return _Tracklets(
        tuple(r[0] for r in rows),
        tuple(r[1] for r in rows),
        tuple(r[2] for r in rows),
        np.array([r[3] for r in rows], dtype=float),
        np.array([r[4] for r in rows], dtype=float),
    )


def _claimed_elsewhere(
    lake: duckdb.DuckDBPyConnection,
    load_id: str,
    tracklets: _Tracklets,
    disjoint: set[frozenset[str]],
    tolerance_s: float,
) -> list[tuple[int, str]]:
    """Tracklets of this load, and an animal that another device's camera, disjoint from theirs, was seeing at once.

    Only where that one is identified: a guess must not keep the animal from where it surely was.
    """
    own = set(tracklets.camera)
    others = {c for pair in disjoint if pair & own for c in pair - own}
    if not others:
        return []
    rows = lake.execute(
        "SELECT t.camera_id, epoch(t.started_at), epoch(t.ended_at), i.animal_id "
        "FROM tracklet t JOIN identity i ON i.load_id = t.load_id AND i.tracklet_id = t.tracklet_id "
        "WHERE t.load_id <> ? AND i.identified AND t.camera_id IN (SELECT unnest(?)) "
        "AND t.started_at < to_timestamp(?) AND t.ended_at > to_timestamp(?) ORDER BY ALL",
        [load_id, sorted(others), float(tracklets.end.max(initial=0)), float(tracklets.start.min(initial=0))],
    ).fetchall()
    cameras: NDArray[np.object_] = np.array(tracklets.camera, dtype=object)
    found: list[tuple[int, str]] = []
    for camera, start, end, animal_id in rows:
        apart = np.array([frozenset((camera, c)) in disjoint for c in cameras])
        overlap = np.minimum(tracklets.end, end) - np.maximum(tracklets.start, start)
        found += [(int(i), animal_id) for i in np.flatnonzero(apart & (overlap > tolerance_s))]
    return found


def _heed(said: ByHand, tracklets: _Tracklets, number: dict[str, int], possible: NDArray[np.bool_]) -> None:
    """Let nobody be where people said that he is not; of merged animals only the name that is kept."""
    for r in said.renamings:
        if r.other in number:
            begin = -np.inf if r.since is None else r.since.timestamp()
            finish = np.inf if r.until is None else r.until.timestamp()
            then = (tracklets.start >= begin) & (tracklets.start < finish)
            possible[then, number[r.into]] |= possible[then, number[r.other]]
            possible[then, number[r.other]] = False
    place = {t: i for i, t in enumerate(tracklets.ids)}
    for tracklet, animal_id in said.excluded:
        if tracklet in place and animal_id in number:
            possible[place[tracklet], number[animal_id]] = False
    for tracklet in said.fixed:
        if tracklet in place:
            possible[place[tracklet]] = False  # whom it is fixed to stands in `Day.enrolled`


def _names(animals: Sequence[str], said: ByHand) -> set[str]:
    """The animals with all names that were merged into them."""
    return set(animals).union(*(names_of(a, said.renamings) for a in animals))


def _enrolled(
    lake: duckdb.DuckDBPyConnection, load_id: str, tracklet_ids: Sequence[str], animals: Sequence[str], said: ByHand
) -> dict[int, int]:
    """Tracklets of this load that a person said are an animal: by enrolment, or, above it, by a later correction.

    A day that was issued again may use the same tracklet id for another animal: an enrolment holds only while the very
    embedding that was enrolled is still there; a correction names the load.
    """
    rows = lake.execute(
        "SELECT n.tracklet_id, n.animal_id, n.vector, e.vector FROM enrolment n "
        "JOIN record.embedding e ON e.load_id = ? AND e.tracklet_id = n.tracklet_id AND e.space_id = n.space_id "
        'AND e."at" = n.seen_at ORDER BY ALL',
        [load_id],
    ).fetchall()
    there = {t: a for t, a, then, now in rows if same_look(np.array(then, np.int8), np.array(now, np.int8))}
    place, number = {t: i for i, t in enumerate(tracklet_ids)}, {a: k for k, a in enumerate(animals)}
    named: dict[str, str | None] = {**there, **said.fixed}
    final = {t: finally_called(a, said.renamings) for t, a in named.items() if a is not None}
    return {place[t]: number[a] for t, a in final.items() if t in place and a in number}
