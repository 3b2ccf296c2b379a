"""Where and when tracklets were seen, and what the roster says of an animal that is said to be on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from herdbook.errors import InputError, NotFoundError
from herdbook.roster.rows import ANIMALS, PEN_STAYS
from herdbook.roster.versions import current_rows


@dataclass(frozen=True)
class Sighting:
    """One tracklet of a current load."""

    load_id: str
    tracklet_id: str
    camera_id: str
    pen_id: str | None
    started_at: datetime
    ended_at: datetime


def sightings(lake: duckdb.DuckDBPyConnection, tracklet_ids: Iterable[str]) -> dict[str, Sighting]:
    """Tracklets of current loads, in the order of time; those that the lake does not have are left out."""
    rows = lake.execute(
        "SELECT t.load_id, t.tracklet_id, t.camera_id, c.pen_id, t.started_at, t.ended_at FROM tracklet t "
        "LEFT JOIN record.camera_setup c ON c.load_id = t.load_id AND c.camera_id = t.camera_id "
        "WHERE t.tracklet_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY t.started_at, t.tracklet_id",
        [list(tracklet_ids)],
    ).fetchall()
    return {row[1]: Sighting(*row) for row in rows}


def require_sightings(lake: duckdb.DuckDBPyConnection, tracklet_ids: Sequence[str]) -> dict[str, Sighting]:
    """Like `sightings`, each of them.

    Raises:
        NotFoundError: the lake has no such tracklet in a current load.
    """
    found = sightings(lake, tracklet_ids)
    missing = [t for t in tracklet_ids if t not in found]
    if missing:
        raise NotFoundError(
            f"the lake has no tracklet {', '.join(missing)}", '`herdbook sql "FROM tracklet"` lists them.'
        )
    return found


def require_animal(lake: duckdb.DuckDBPyConnection, animal_id: str) -> str:
    """The farm of an animal of the roster.

    Raises:
        NotFoundError: there is none of that name.
    """
    row = current_rows(lake, ANIMALS).get((animal_id,))
    if row is None:
        raise NotFoundError(f"the roster has no animal '{animal_id}'", "Import it with `herdbook roster import`.")
    return str(row["farm_id"])


def require_stay(lake: duckdb.DuckDBPyConnection, animal_ids: Collection[str], seen_on: Iterable[Sighting]) -> None:
    """Refuse tracklets that were seen where the animal did not stay.

    Args:
        lake: an open lake.
        animal_ids: the animal under each of its names.
        seen_on: its tracklets.

    Raises:
        InputError: by the roster it was elsewhere.
    """
    stays = [s for s in current_rows(lake, PEN_STAYS).values() if s["animal_id"] in animal_ids]
    for seen in seen_on:
        if not any(
            s["pen_id"] == seen.pen_id
            and s["valid_from"] < seen.ended_at
            and (s["valid_to"] is None or s["valid_to"] > seen.started_at)
            for s in stays
        ):
            raise InputError(
                f"by the roster {min(animal_ids)} was not in pen {seen.pen_id} when {seen.tracklet_id} was seen there",
                "Choose another tracklet, or import the animal's pen stays first.",
            )
