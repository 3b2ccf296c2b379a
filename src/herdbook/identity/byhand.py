"""Corrections by hand: accept, reject, skip and correct tracklets; merge and split animals.

Each is one appended operation (`herdbook.identity.operations`), run within a transaction by `carry_out`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from herdbook.errors import InputError
from herdbook.identity.decisions import names_of, renamings
from herdbook.identity.operations import append
from herdbook.identity.sightings import Sighting, require_animal, require_sightings, require_stay
from herdbook.identity.words import Done, Kind, Operation, Saying, Says, Word

_CLAIMED = """
SELECT i.load_id, i.tracklet_id, i.confidence, i.method, t.started_at, t.ended_at
FROM identity AS i
JOIN tracklet AS t USING (farm_id, device_id, day, load_id, tracklet_id)
WHERE i.animal_id = $animal
    AND ($since IS NULL OR t.ended_at > $since::TIMESTAMPTZ) AND ($until IS NULL OR t.started_at < $until::TIMESTAMPTZ)
ORDER BY t.started_at, i.tracklet_id
"""


def correct(
    lake: duckdb.DuckDBPyConnection,
    tracklet_ids: Sequence[str],
    animal_id: str | None,
    word: Word,
    kind: Kind = Kind.CORRECT,
) -> Done:
    """Say that tracklets are an animal, or nobody that could be named.

    Claims of that animal on other tracklets seen at the same time give way.

    Raises:
        NotFoundError: there is no such animal or tracklet.
        InputError: no tracklet is named, one is enrolled as another animal, or the animal was elsewhere.
        IdentityConflictError: a person said otherwise of a tracklet seen at the same time.
    """
    wanted = list(dict.fromkeys(tracklet_ids))
    if not wanted:
        raise InputError("no tracklet is named", "Name at least one.")
    seen = list(require_sightings(lake, wanted).values())
    if animal_id is not None:
        require_animal(lake, animal_id)
        require_stay(lake, names_of(animal_id, renamings(lake)), seen)
    _refuse_enrolled(lake, wanted, animal_id)
    says = Says.NOBODY if animal_id is None else Says.IS
    sayings = [Saying(s.load_id, s.tracklet_id, says, animal_id, 1.0) for s in seen]
    return append(lake, Operation(kind, animal_id, None, *_extent(seen)), sayings, word)


def accept(lake: duckdb.DuckDBPyConnection, tracklet_id: str, animal_id: str, word: Word) -> Done:
    """Confirm a candidate of the review queue: like `correct`."""
    return correct(lake, [tracklet_id], animal_id, word, Kind.ACCEPT)


def reject(lake: duckdb.DuckDBPyConnection, tracklet_id: str, animal_id: str, word: Word) -> Done:
    """Say that a tracklet is not an animal. A claim that it is gives way, and none will be made again.

    Raises:
        NotFoundError: there is no such animal or tracklet.
        InputError: a person said that it is.
    """
    seen = list(require_sightings(lake, [tracklet_id]).values())
    require_animal(lake, animal_id)
    _refuse_enrolled(lake, [tracklet_id], None)
    held = lake.execute(
        "SELECT animal_id, method FROM identity WHERE load_id = ? AND tracklet_id = ?", [seen[0].load_id, tracklet_id]
    ).fetchone()
    sayings = _not_any_more(animal_id, seen[0].load_id, tracklet_id, held)
    return append(lake, Operation(Kind.REJECT, None, animal_id, *_extent(seen)), sayings, word)


def skip(lake: duckdb.DuckDBPyConnection, tracklet_id: str, word: Word) -> Done:
    """Leave a tracklet of the review queue as it is.

    Raises:
        NotFoundError: there is no such tracklet.
    """
    seen = list(require_sightings(lake, [tracklet_id]).values())
    sayings = [Saying(s.load_id, s.tracklet_id, Says.SKIPPED, None, 0.0) for s in seen]
    return append(lake, Operation(Kind.SKIP, None, None, *_extent(seen)), sayings, word)


def merge(
    lake: duckdb.DuckDBPyConnection,
    other: str,
    into: str,
    word: Word,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    despite_overlap: bool = False,
    kind: Kind = Kind.MERGE,
    detail: str | None = None,
) -> Done:
    """Say that one animal of the roster is another: its records are the other's, those to come too.

    Args:
        lake: a connection inside a transaction.
        other: the name that is given up.
        into: the name under which the records are kept.
        word: who says it.
        since: from when it is so; always when omitted.
        until: until when it is so; no end when omitted.
        despite_overlap: set the less sure aside where both were seen at once, instead of refusing.
        kind: a merge, or a retag.
        detail: of a retag.

    Raises:
        NotFoundError: there is no such animal.
        InputError: they are of two farms, the same, or were merged the other way round.
        IdentityConflictError: both were identified at once, so they are two animals.
    """
    farms = {require_animal(lake, animal) for animal in (other, into)}
    held = [r for r in renamings(lake) if r.overlaps(since, until)]
    if other == into or into in names_of(other, held):
        raise InputError(f"{other} and {into} are one animal already", "Name two animals.")
    if any(r.other == other for r in held):
        raise InputError(f"{other} was merged already", "`herdbook identity log` shows into which; undo that first.")
    if len(farms) > 1:
        raise InputError(f"{other} and {into} are of two farms", "Name two animals of one farm.")
    _require_interval(since, until)
    sayings = _carried(_claimed(lake, other, since, until), into, since, until)
    return append(
        lake, Operation(kind, into, other, since, until, detail=detail), sayings, word, despite_overlap=despite_overlap
    )


def split(
    lake: duckdb.DuckDBPyConnection,
    animal_id: str,
    to: str | None,
    word: Word,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    tracklet_ids: Sequence[str] = (),
) -> Done:
    """Say that some of an animal's records are another's, or not its own.

    A tracklet that goes on over ``since`` or ``until`` holds both and is nobody's.

    Args:
        lake: a connection inside a transaction.
        animal_id: the animal that the records are claimed for.
        to: the animal that they are; None if that is not known: they are matched again, to others.
        word: who says it.
        since: only what was seen from then on.
        until: only what was seen until then.
        tracklet_ids: only these.

    Raises:
        NotFoundError: there is no such animal, or nothing is claimed for it there.
        InputError: neither time nor tracklet is named, or the animal was elsewhere.
        IdentityConflictError: a person said otherwise of a tracklet seen at the same time.
    """
    if since is None and until is None and not tracklet_ids:
        raise InputError("nothing says where to split", "Give --from, --to or --tracklet.")
    require_animal(lake, animal_id)
    _require_interval(since, until)
    claimed = [c for c in _claimed(lake, animal_id, since, until) if not tracklet_ids or c[1] in tracklet_ids]
    missing = sorted(set(tracklet_ids) - {c[1] for c in claimed})
    if missing or not claimed:
        names = ", ".join(missing) or "any tracklet there"
        raise InputError(f"{animal_id} is not claimed to be on {names}", '`herdbook sql "FROM identity"` shows claims.')
    _refuse_enrolled(lake, [c[1] for c in claimed], to)
    if to is None:
        sayings = [s for c in claimed for s in _not_any_more(animal_id, c[0], c[1], (animal_id, c[3]))]
    else:
        require_animal(lake, to)
        if to == animal_id:
            raise InputError(f"{to} is the animal itself", "Name another animal, or none.")
        seen = require_sightings(lake, [c[1] for c in claimed])
        require_stay(lake, names_of(to, renamings(lake)), seen.values())
        sayings = _carried(claimed, to, since, until)
    return append(lake, Operation(Kind.SPLIT, to, animal_id, since, until), sayings, word)


_Claimed = tuple[str, str, float, str, datetime, datetime]


def _claimed(
    lake: duckdb.DuckDBPyConnection, animal_id: str, since: datetime | None, until: datetime | None
) -> list[_Claimed]:
    return lake.execute(_CLAIMED, {"animal": animal_id, "since": since, "until": until}).fetchall()


def _carried(claimed: Sequence[_Claimed], into: str, since: datetime | None, until: datetime | None) -> list[Saying]:
    """Claims under another name, as sure as they were; of what goes on over the ends nobody's."""
    found = []
    for load_id, tracklet_id, confidence, _, started_at, ended_at in claimed:
        whole = (since is None or started_at >= since) and (until is None or ended_at <= until)
        says, animal = (Says.IS, into) if whole else (Says.NOBODY, None)
        found.append(Saying(load_id, tracklet_id, says, animal, confidence if whole else 0.0))
    return found


def _not_any_more(animal_id: str, load_id: str, tracklet_id: str, held: tuple[str | None, str] | None) -> list[Saying]:
    sayings = [Saying(load_id, tracklet_id, Says.IS_NOT, animal_id, 1.0)]
    if held is not None and held[0] == animal_id:
        bound = held[1].startswith("person/")
        sayings.append(
            Saying(load_id, tracklet_id, Says.NOBODY, None, 0.0)
            if bound
            else Saying(load_id, tracklet_id, Says.SET_ASIDE, animal_id, 0.0)
        )
    return sayings


def _extent(seen: Sequence[Sighting]) -> tuple[datetime, datetime]:
    return min(s.started_at for s in seen), max(s.ended_at for s in seen)


def _require_interval(since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None and until <= since:
        raise InputError("the interval ends before it begins", "Give a later --to.")


def _refuse_enrolled(lake: duckdb.DuckDBPyConnection, tracklet_ids: Sequence[str], animal_id: str | None) -> None:
    names = set() if animal_id is None else names_of(animal_id, renamings(lake))
    rows = lake.execute(
        "SELECT DISTINCT tracklet_id, animal_id FROM enrolment WHERE tracklet_id IN (SELECT unnest(?::VARCHAR[])) "
        "ORDER BY ALL",
        [list(tracklet_ids)],
    ).fetchall()
    for tracklet, enrolled in rows:
        if enrolled not in names:
            raise InputError(
                f"{tracklet} is enrolled as {enrolled}",
                f"If that was wrong: herdbook animal unenrol {enrolled} --tracklet {tracklet}",
            )
