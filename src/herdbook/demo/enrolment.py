"""Enrolment as a farmer does it by looking at a few clips; here the simulator's truth looks for him."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from importlib import resources

import duckdb

from herdbook.demo.place import PLAN, Place
from herdbook.errors import InputError
from herdbook.identity.enrolment import enrol

TRACKLETS_EACH = 4


def choose(place: Place, device_id: str, day: date = PLAN.start_day) -> dict[str, list[str]]:
    """For each animal, the longest tracklets of a day that are surely its own."""
    truth = place.farm / "truth" / device_id / day.isoformat() / "boxes.parquet"
    query = (resources.files("herdbook.demo") / "enrolment.sql").read_text(encoding="utf-8")
    with duckdb.connect() as memory:
        given = {
            "seen": str(place.footage(device_id, day) / "*boxes*.parquet"),
            "truth": str(truth),
            "each": TRACKLETS_EACH,
        }
        chosen = defaultdict(list)
        for animal_id, tracklet_id in memory.execute(query, given).fetchall():
            chosen[animal_id].append(tracklet_id)
    return dict(chosen)


def enrol_animals(place: Place, device_ids: tuple[str, ...], day: date = PLAN.start_day) -> str:
    """Enrol every animal that was seen well enough on a day."""
    animals = tracklets = 0
    for device_id in device_ids:
        for animal_id, tracklet_ids in choose(place, device_id, day).items():
            try:
                enrol(place.settings, animal_id, tracklet_ids, by="demo")
            except InputError:  # a tracklet too short for an embedding, say: the best one will do
                enrol(place.settings, animal_id, tracklet_ids[:1], by="demo")
            animals += 1
            tracklets += len(tracklet_ids)
    return f"{animals} animals by {tracklets} tracklets of {day} (a farmer looks; here the simulator's truth does)"
