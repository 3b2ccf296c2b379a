"""The embedding pools of a device's own animals, as it carries them beside its release (`contracts.pools`)."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.assignment import TargetFile, pool_target
from herdbook.contracts.digest import sha256_of_bytes
from herdbook.contracts.durable import make_folder, write_durably
from herdbook.contracts.pools import POOLS_NAME, REFERENCES_PER_ANIMAL, Pools, Reference, pools_bytes, quantised
from herdbook.errors import NotFoundError
from herdbook.lake.attach import open_lake
from herdbook.roster.rows import CAMERAS, PEN_STAYS
from herdbook.roster.versions import current_rows
from herdbook.settings import Settings

_FOREVER = datetime.max.replace(tzinfo=UTC)


def device_pools(
    settings: Settings, device_id: str, *, space_id: str | None = None, now: datetime | None = None
) -> Pools:
    """What the animals look like that stay in the pens that a device watches.

    Of each animal and space the newest enrolled tracklets count, one reference each: the mean of its embeddings.

    Args:
        settings: where the lake is.
        device_id: the device.
        space_id: leave out other spaces; a device only uses its release's own.
        now: whose stays count, by default of the present.

    Raises:
        NotFoundError: neither the roster nor any loaded day knows a camera of the device.
        NotInitialisedError: there is no lake yet.
    """
    moment = now or datetime.now(UTC)
    with open_lake(settings, read_only=True) as lake:
        pens = _pens(lake, device_id, moment)
        pen_of = {
            stay["animal_id"]: stay["pen_id"]
            for stay in current_rows(lake, PEN_STAYS).values()
            if stay["pen_id"] in pens and stay["valid_from"] <= moment < (stay["valid_to"] or _FOREVER)
        }
        rows = lake.execute(
            "SELECT space_id, animal_id, tracklet_id, seen_at, vector, scale FROM enrolment "
            "WHERE animal_id IN (SELECT unnest(?::VARCHAR[])) AND (? IS NULL OR space_id = ?) ORDER BY ALL",
            [sorted(pen_of), space_id, space_id],
        ).fetchall()
    looks: dict[tuple[str, str, str], list[NDArray[np.float64]]] = defaultdict(list)
    newest: dict[tuple[str, str, str], datetime] = {}
    for space, animal_id, tracklet_id, seen_at, vector, scale in rows:
        key = (space, animal_id, tracklet_id)
        looks[key].append(np.array(vector, dtype=float) * scale)
        newest[key] = seen_at
    kept: dict[tuple[str, str], int] = defaultdict(int)
    references = []
    for key in sorted(looks, key=lambda k: (newest[k], k), reverse=True):
        space, animal_id, tracklet_id = key
        mean = np.mean(looks[key], axis=0)
        norm = float(np.linalg.norm(mean))
        if norm == 0 or kept[space, animal_id] == REFERENCES_PER_ANIMAL:
            continue
        kept[space, animal_id] += 1
        references.append(Reference(animal_id, pen_of[animal_id], space, tracklet_id, *quantised(mean / norm)))
    return Pools(device_id, tuple(references))


def export_pools(
    settings: Settings, device_id: str, path: Path, *, space_id: str | None = None, now: datetime | None = None
) -> TargetFile:
    """Write a device's pools, and say how they are published for it.

    The published path holds the content's digest, so that pools which an earlier assignment names stay as they were.

    Args:
        settings: where the lake is.
        device_id: the device.
        path: file to write, durably.
        space_id: leave out other spaces.
        now: whose stays count.

    Raises:
        NotFoundError: nothing is known of the device's cameras.
        ReleaseDataError: the file would be larger than a device takes.
        DiskFullError: no space is left.
    """
    raw = pools_bytes(device_pools(settings, device_id, space_id=space_id, now=now))
    make_folder(path.parent)
    write_durably(path, raw)
    digest = sha256_of_bytes(raw)
    target = pool_target(device_id, f"pools-{digest[:12]}.parquet")
    return TargetFile(path=target, name=POOLS_NAME, bytes=len(raw), sha256=digest)


def _pens(lake: duckdb.DuckDBPyConnection, device_id: str, moment: datetime) -> set[str]:
    """Pens that the device's cameras hang over: by the roster, and by the newest day that is loaded."""
    rostered = {
        row["pen_id"]
        for row in current_rows(lake, CAMERAS).values()
        if row["device_id"] == device_id and row["valid_from"] <= moment < (row["valid_to"] or _FOREVER)
    }
    seen = lake.execute(
        "SELECT DISTINCT pen_id FROM camera_setup WHERE device_id = ? "
        "AND day = (SELECT max(day) FROM device_day WHERE device_id = ?)",
        [device_id, device_id],
    ).fetchall()
    pens = rostered | {pen_id for (pen_id,) in seen}
    if not pens:
        raise NotFoundError(
            f"nothing is known of cameras of '{device_id}'", "Import the roster's cameras, or load one of its days."
        )
    return pens
