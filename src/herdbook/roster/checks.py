"""What must hold between the rows of a roster, whoever recorded them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from herdbook.roster.rows import ANIMALS, CAMERAS, DEVICES, FARMS, IDENTIFIERS, PEN_STAYS, PENS, RosterTable
from herdbook.roster.versions import Key, Values

_FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Record:
    """A row and where it stands: ``pens.csv, row 3`` or ``recorded earlier``."""

    where: str
    values: Values

    def __getitem__(self, column: str) -> Any:
        return self.values[column]


Roster = dict[str, dict[Key, Record]]
"""By table name, then key: what the lake would hold after the import."""

_REFERENCES: tuple[tuple[RosterTable, str, RosterTable], ...] = (
    (PENS, "farm_id", FARMS),
    (DEVICES, "farm_id", FARMS),
    (ANIMALS, "farm_id", FARMS),
    (IDENTIFIERS, "farm_id", FARMS),
    (CAMERAS, "pen_id", PENS),
    (CAMERAS, "device_id", DEVICES),
    (IDENTIFIERS, "animal_id", ANIMALS),
    (PEN_STAYS, "animal_id", ANIMALS),
    (PEN_STAYS, "pen_id", PENS),
)


def problems(roster: Roster) -> Iterator[str]:
    """Everything that contradicts itself, in the order of the tables."""
    yield from _dangling(roster)
    yield from _camera_problems(roster)
    for table in (CAMERAS, IDENTIFIERS, PEN_STAYS):
        for record in roster[table.name].values():
            if record["valid_to"] is not None and record["valid_to"] <= record["valid_from"]:
                yield f"{record.where}: valid_to is not later than valid_from"
    yield from _overlaps(
        roster[PEN_STAYS.name].values(), ("animal_id",), lambda r: f"{r['animal_id']} is in two pens at once"
    )
    yield from _overlaps(
        roster[CAMERAS.name].values(), ("camera_id",), lambda r: f"{r['camera_id']} hangs twice at once"
    )
    yield from _overlaps(
        roster[IDENTIFIERS.name].values(),
        ("farm_id", "scheme", "identifier"),
        lambda r: f"{r['scheme']} {r['identifier']} is valid twice at once, which is ambiguous",
    )


def still_named(lake: duckdb.DuckDBPyConnection, retracted: Collection[Key]) -> Iterator[str]:
    """Animals to be retracted although labels, enrolments or claims speak of them."""
    if not retracted:
        return
    named = lake.execute(
        "SELECT animal_id, string_agg(DISTINCT what, ' and ' ORDER BY what) FROM (SELECT animal_id, 'labels' AS what "
        "FROM label.label UNION ALL SELECT animal_id, 'enrolments' FROM identity.enrolment "
        "UNION ALL SELECT animal_id, 'claims' FROM identity.claim) "
        "WHERE animal_id IN (SELECT unnest(?::VARCHAR[])) GROUP BY animal_id ORDER BY animal_id",
        [sorted(animal_id for (animal_id,) in retracted)],
    ).fetchall()
    for animal_id, what in named:
        yield f"{animal_id} cannot be retracted: {what} speak of it"


def _dangling(roster: Roster) -> Iterator[str]:
    for table, column, target in _REFERENCES:
        for record in roster[table.name].values():
            if (record[column],) not in roster[target.name]:
                yield f"{record.where}: {column} '{record[column]}' is not among the {target.name}"


def _camera_problems(roster: Roster) -> Iterator[str]:
    names = {record["camera_id"] for record in roster[CAMERAS.name].values()}
    for record in roster[CAMERAS.name].values():
        for other in record["disjoint_from"] or ():
            if other not in names:
                yield f"{record.where}: disjoint_from '{other}' is not among the cameras"
            elif other == record["camera_id"]:
                yield f"{record.where}: a camera is not disjoint from itself"
        pen = roster[PENS.name].get((record["pen_id"],))
        device = roster[DEVICES.name].get((record["device_id"],))
        if pen is not None and device is not None and pen["farm_id"] != device["farm_id"]:
            yield f"{record.where}: pen and device are on different farms"


def _overlaps(records: Iterable[Record], same: tuple[str, ...], says: Any) -> Iterator[str]:
    """Pairs of rows that agree in the columns ``same`` and hold at a common moment."""
    groups: dict[Key, list[Record]] = defaultdict(list)
    for record in records:
        groups[tuple(record[c] for c in same)].append(record)
    for group in groups.values():
        longest: Record | None = None
        for record in sorted(group, key=lambda r: (r["valid_from"], r.where)):
            if longest is not None and record["valid_from"] < _end(longest):
                yield f"{longest.where} and {record.where}: {says(record)}"
            if longest is None or _end(record) > _end(longest):
                longest = record


def _end(record: Record) -> datetime:
    return record["valid_to"] or _FOREVER
