"""Enrolment: a person says which tracklets are an animal; their embeddings become what it looks like."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import duckdb
import pyarrow as pa

from herdbook.errors import IdentityConflictError, InputError, NotFoundError
from herdbook.identity.decisions import by_hand
from herdbook.identity.gather import disjoint_cameras
from herdbook.identity.sightings import Sighting, require_animal, require_sightings, require_stay, sightings
from herdbook.lake import transaction
from herdbook.lake.attach import open_lake
from herdbook.matching.exclusion import HANDOVER_S
from herdbook.settings import Settings

REFERENCES_PER_TRACKLET = 64
"""The best embeddings of each enrolled tracklet and space are kept; more would add bytes, not looks."""


@dataclass(frozen=True)
class Enrolment:
    """One animal's enrolled tracklet."""

    animal_id: str
    tracklet_id: str
    space_id: str
    references: int
    """Embeddings kept."""


def enrol(settings: Settings, animal_id: str, tracklet_ids: Sequence[str], *, by: str = "cli") -> list[Enrolment]:
    """Say that tracklets are an animal. Saying it again changes nothing.

    Args:
        settings: where the lake is.
        animal_id: an animal of the roster.
        tracklet_ids: tracklets of current loads.
        by: who says so.

    Returns:
        What is enrolled of these tracklets now.

    Raises:
        NotFoundError: there is no such animal or tracklet.
        InputError: the tracklets contradict each other, an earlier enrolment or the roster, or have no embedding.
    """
    wanted = list(dict.fromkeys(tracklet_ids))
    if not wanted:
        raise InputError("no tracklet is named", "Give at least one --tracklet.")

    def work(lake: duckdb.DuckDBPyConnection) -> list[Enrolment]:
        return _enrol(lake, animal_id, wanted, by)

    return transaction.write(settings, work)


def unenrol(
    settings: Settings, animal_id: str, tracklet_ids: Sequence[str] = (), *, by: str = "cli"
) -> list[Enrolment]:
    """Take an enrolment back: of some tracklets, or of all. It stays as history; claims follow when made again.

    Returns:
        What was taken back.

    Raises:
        NotFoundError: the animal, or one of the tracklets, is not enrolled.
    """

    def work(lake: duckdb.DuckDBPyConnection) -> list[Enrolment]:
        held = [r for r in _current(lake) if r["animal_id"] == animal_id]
        gone = [r for r in held if not tracklet_ids or r["tracklet_id"] in tracklet_ids]
        missing = sorted(set(tracklet_ids) - {r["tracklet_id"] for r in gone})
        if missing or not gone:
            names = ", ".join(missing) or "any tracklet"
            raise NotFoundError(f"{animal_id} is not enrolled with {names}", "`herdbook animal enrolled` lists who is.")
        _append(lake, gone, by=by, retracted=True)
        return _counted(gone)

    return transaction.write(settings, work)


def enrolled(settings: Settings) -> list[Enrolment]:
    """Every enrolment that holds, by animal."""
    with open_lake(settings, read_only=True) as lake:
        return _counted(_current(lake))


def _enrol(lake: duckdb.DuckDBPyConnection, animal_id: str, wanted: list[str], by: str) -> list[Enrolment]:
    require_animal(lake, animal_id)
    held = _current(lake)
    for row in held:
        if row["tracklet_id"] in wanted and row["animal_id"] != animal_id:
            raise InputError(
                f"{row['tracklet_id']} is enrolled as {row['animal_id']}",
                f"If that was wrong: herdbook animal unenrol {row['animal_id']} --tracklet {row['tracklet_id']}",
            )
    own = [r["tracklet_id"] for r in held if r["animal_id"] == animal_id]
    seen = require_sightings(lake, wanted)
    _refuse_other_word(lake, animal_id, [seen[t] for t in wanted])
    _refuse_twice_at_once(lake, animal_id, list((sightings(lake, own) | seen).values()))
    require_stay(lake, {animal_id}, [seen[t] for t in wanted])
    references = _references(lake, animal_id, wanted)
    bare = [t for t in wanted if t not in {r["tracklet_id"] for r in references}]
    if bare:
        raise InputError(f"{', '.join(bare)} has no embedding to know the animal by", "Choose a longer tracklet.")
    known = {r["enrolment_id"] for r in held}
    _append(lake, [r for r in references if r["enrolment_id"] not in known], by=by, retracted=False)
    return _counted([r for r in _current(lake) if r["animal_id"] == animal_id and r["tracklet_id"] in wanted])


def _refuse_other_word(lake: duckdb.DuckDBPyConnection, animal_id: str, seen: Sequence[Sighting]) -> None:
    """A tracklet that a person said is another animal is not enrolled as this one."""
    for one in seen:
        fixed = by_hand(lake, one.load_id, one.started_at, one.ended_at).fixed
        if one.tracklet_id in fixed and fixed[one.tracklet_id] != animal_id:
            raise IdentityConflictError(
                f"{one.tracklet_id} is {fixed[one.tracklet_id] or 'nobody known'} by a person's word, not {animal_id}",
                "`herdbook identity log` shows who said so; `herdbook identity undo OPERATION` takes it back.",
            )


def _refuse_twice_at_once(lake: duckdb.DuckDBPyConnection, animal_id: str, seen: list[Sighting]) -> None:
    since, until = min(s.started_at for s in seen), max(s.ended_at for s in seen)
    disjoint = disjoint_cameras(lake, since, until)
    for one, other in combinations(seen, 2):
        overlap = min(one.ended_at, other.ended_at) - max(one.started_at, other.started_at)
        apart = one.camera_id == other.camera_id or frozenset((one.camera_id, other.camera_id)) in disjoint
        if apart and overlap > timedelta(seconds=HANDOVER_S):
            raise InputError(
                f"{one.tracklet_id} and {other.tracklet_id} were seen at once: they cannot both be {animal_id}",
                "Leave one out, or take a wrong earlier enrolment back with `herdbook animal unenrol`.",
            )


def _references(lake: duckdb.DuckDBPyConnection, animal_id: str, tracklet_ids: list[str]) -> list[dict[str, Any]]:
    cursor = lake.execute(
        "SELECT e.tracklet_id, e.space_id, e.seen_at, e.vector, e.scale FROM embedding e "
        "WHERE e.tracklet_id IN (SELECT unnest(?::VARCHAR[])) AND e.scale > 0 QUALIFY row_number() OVER "
        "(PARTITION BY e.tracklet_id, e.space_id ORDER BY e.quality DESC, e.seen_at) <= ? "
        "ORDER BY e.tracklet_id, e.space_id, e.seen_at",
        [tracklet_ids, REFERENCES_PER_TRACKLET],
    )
    names = [d[0] for d in cursor.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [{**r, "animal_id": animal_id, "enrolment_id": _enrolment_id(animal_id, r)} for r in rows]


def _enrolment_id(animal_id: str, row: dict[str, Any]) -> str:
    at = row["seen_at"].astimezone(UTC).isoformat()
    vector = bytes(v & 0xFF for v in row["vector"]).hex()
    parts = (animal_id, row["tracklet_id"], row["space_id"], at, vector)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


_COLUMNS = ("enrolment_id", "animal_id", "tracklet_id", "space_id", "seen_at", "vector", "scale")
_SCHEMA = pa.schema(
    [pa.field(c, pa.string()) for c in _COLUMNS[:4]]
    + [
        pa.field("seen_at", pa.timestamp("us", tz="UTC")),
        pa.field("vector", pa.list_(pa.int8())),
        pa.field("scale", pa.float32()),
    ]
)


def _current(lake: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    rows = lake.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM enrolment ORDER BY animal_id, tracklet_id, space_id, seen_at"  # noqa: S608 - ours
    ).fetchall()
    return [dict(zip(_COLUMNS, row, strict=True)) for row in rows]


def _append(lake: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]], *, by: str, retracted: bool) -> None:
    if not rows:
        return
    last = lake.execute("SELECT max(recorded_at) FROM identity.enrolment").fetchone()
    recorded_at = datetime.now(UTC)
    if last is not None and last[0] is not None:  # our clock may have been set back
        recorded_at = max(recorded_at, last[0] + timedelta(microseconds=1))
    lake.register("incoming_enrolments", pa.Table.from_pylist(rows, schema=_SCHEMA))
    lake.execute(
        'INSERT INTO identity.enrolment BY NAME SELECT * RENAME (seen_at AS "at"), ?::TIMESTAMPTZ AS recorded_at, '
        "? AS recorded_by, ? AS retracted FROM incoming_enrolments",
        [recorded_at, by, retracted],
    )
    lake.unregister("incoming_enrolments")


def _counted(rows: list[dict[str, Any]]) -> list[Enrolment]:
    counts: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row["animal_id"], row["tracklet_id"], row["space_id"])
        counts[key] = counts.get(key, 0) + 1
    return [Enrolment(*key, references=n) for key, n in counts.items()]
