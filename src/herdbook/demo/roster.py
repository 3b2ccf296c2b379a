"""The demo's roster: the farm's own, and a pen and camera for a video of the user's."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from herdbook.contracts import farmtime
from herdbook.demo.place import PLAN, OwnCamera, Place
from herdbook.roster.importer import import_roster


def import_farm(place: Place) -> str:
    """Import the simulated farm's roster."""
    tables = import_roster(place.settings, place.farm / "roster")
    return ", ".join(f"{table.added} {table.table}" for table in tables if table.added)


def import_own_camera(place: Place, own: OwnCamera) -> None:
    """Import a pen, device and camera for the user's video. Nobody is known to live in that pen."""
    since = farmtime.day_extent(PLAN.start_day - timedelta(days=1), PLAN.timezone).start.isoformat()
    camera = {"camera_id": own.camera_id, "pen_id": own.pen_id, "device_id": own.device_id, "valid_from": since}
    folder = place.root / "roster" / own.device_id
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "pens.csv", {"pen_id": own.pen_id, "farm_id": PLAN.farm_id, "name": own.video.name})
    _write(folder / "devices.csv", {"device_id": own.device_id, "farm_id": PLAN.farm_id})
    _write(folder / "cameras.csv", camera)
    import_roster(place.settings, folder)


def _write(path: Path, row: Mapping[str, str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerow(row)
