"""Load parts of bulk records: many device days in one transaction, each part whole or not at all.

The nightly load's guarantees hold: rows are appended under their own ``load_id``, the ``device_day`` rows committed
with them make them visible, loading a part again changes nothing, and the lake's checks judge it like any other load.
What it leaves out is what parts do not need: fetching, quarantine, and a transaction per device day
(docs/adr/0171-bulk-parts.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb

from herdbook.contracts.bulk import DEVICE_DAY, FARM, MARKER, REMAKE, Part, read_part, verify_part
from herdbook.errors import InputError, LandedDayError, NotFoundError
from herdbook.lake import transaction
from herdbook.lake.migrate import require_current
from herdbook.settings import Settings


class PartState(StrEnum):
    """What loading a part came to."""

    LOADED = "loaded"
    ALREADY_CURRENT = "already current"


@dataclass(frozen=True)
class PartResult:
    """One part."""

    part: str
    state: PartState
    rows: int
    """Appended by this call."""


Progress = Callable[[str, int, int], None]
"""Told a part's name before it is loaded, how many are done, and of how many."""


def load_parts(settings: Settings, folder: Path, progress: Progress | None = None) -> list[PartResult]:
    """Load every finished part below a folder, farms first; those loaded already are left alone.

    Raises:
        NotFoundError: the folder holds no part.
        NotInitialisedError: there is no lake, or it is of an older version.
        LakeBusyError: other writers held the lake for too long.
        LandedDayError: a part is not what was written; parts before it are loaded, it and later ones are not.
        InputError: the lake has other records of the same farm or days, or the records lie in the future.
    """
    folders = (marker.parent for marker in sorted(folder.rglob(MARKER)))
    found = [(path, read_part(path)) for path in folders if not path.name.startswith(".")]  # those are being written
    if not found:
        raise NotFoundError(f"{folder} holds no part of bulk records", f"Name a folder with a {MARKER} inside.")
    found.sort(key=lambda each: each[1].brings_days)
    results = []
    for done, (path, part) in enumerate(found):
        if progress is not None:
            progress(part.name, done, len(found))
        results.append(load_part(settings, path, part))
    return results


def load_part(settings: Settings, folder: Path, part: Part) -> PartResult:
    """Append one part in one transaction, unless it is there already. Raises what `load_parts` does."""
    verify_part(folder, part)
    return transaction.write(settings, lambda lake: _load(lake, folder, part))


def _load(lake: duckdb.DuckDBPyConnection, folder: Path, part: Part) -> PartResult:
    require_current(lake)
    there = (_days_there if part.brings_days else _farm_there)(lake, folder, part)
    if there:
        return PartResult(part.name, PartState.ALREADY_CURRENT, 0)
    # what makes the others visible comes last, as in the nightly load
    files = sorted(part.files, key=lambda f: f.table in (DEVICE_DAY, FARM))
    for file in files:
        path = folder / file.name
        appended = lake.execute(
            f"INSERT INTO {file.table} BY NAME SELECT * FROM read_parquet(?)",  # noqa: S608 - a checked name
            [str(path)],
        ).fetchone()
        rows = int(appended[0]) if appended else 0
        if rows != file.rows:
            raise LandedDayError(f"{path} has {rows} rows, {MARKER} says {file.rows}", REMAKE)
    return PartResult(part.name, PartState.LOADED, sum(f.rows for f in files))


def _days_there(lake: duckdb.DuckDBPyConnection, folder: Path, part: Part) -> bool:
    path = str(folder / part.file(DEVICE_DAY).name)
    loads, known, others, last = _one(
        lake,
        """
        SELECT
            count(*),
            count(d.load_id),
            count(o.load_id) FILTER (d.load_id IS NULL),
            max(p.loaded_at)
        FROM read_parquet(?) AS p
        LEFT JOIN record.device_day AS d ON d.load_id = p.load_id
        LEFT JOIN (SELECT device_id, day, any_value(load_id) AS load_id FROM record.device_day GROUP BY ALL) AS o
            ON o.device_id = p.device_id AND o.day = p.day
        """,
        [path],
    )
    if others or known not in (0, loads):
        raise InputError(f"{part.name}: the lake holds other loads of {others or known} of its device days", _APART)
    if last is not None and last > datetime.now(UTC):
        raise InputError(f"{part.name}: its records reach us on {last:%Y-%m-%d}, which is in the future", _EARLIER)
    return bool(loads and known == loads)


def _farm_there(lake: duckdb.DuckDBPyConnection, folder: Path, part: Part) -> bool:
    path = str(folder / part.file(FARM).name)
    farms, known, others = _one(
        lake,
        """
        SELECT count(DISTINCT p.farm_id), count(f.farm_id) FILTER (f.source = p.source),
            count(f.farm_id) FILTER (f.source <> p.source)
        FROM read_parquet(?) AS p
        LEFT JOIN roster.farm AS f USING (farm_id)
        """,
        [path],
    )
    if others or known not in (0, farms):
        raise InputError(f"{part.name}: the lake knows its farm from elsewhere", _APART)
    return bool(farms and known == farms)


def _one(lake: duckdb.DuckDBPyConnection, query: str, values: Sequence[object]) -> tuple[Any, ...]:
    row = lake.execute(query, list(values)).fetchone()
    assert row is not None, "an aggregate gives one row"
    return tuple(row)


_APART = "Load it into a lake of its own (HERDBOOK_HOME), or make it with another farm_id; nothing of it was loaded."
_EARLIER = "Make the records with an earlier start_day; nothing of it was loaded."
