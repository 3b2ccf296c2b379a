"""Rows of a sensor export as readings, with the window each speaks of made exact in UTC.

When the clocks go forward an hour of local time does not exist: a row that claims it is set aside. When they go back an
hour occurs twice: an export that has both rows has them in their order, one that has a single row does not say which.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from herdbook.labels import cells
from herdbook.labels.cells import RowProblem
from herdbook.labels.facts import label_id
from herdbook.labels.quarantine import SetAside
from herdbook.labels.series.mapping import Measure, SeriesMapping
from herdbook.roster.moments import earliest, latest
from herdbook.roster.sheets import Row, Sheet, as_text


@dataclass(frozen=True)
class Reading:
    """One reading of one animal's sensor; ``value`` is none where the system had none."""

    row: Row
    reading_id: str
    scheme: str
    identifier: str
    measure: str
    occurred_from: datetime
    occurred_by: datetime
    value: float | None
    unit: str


@dataclass(frozen=True)
class Series:
    """What an export says."""

    readings: tuple[Reading, ...]
    aside: tuple[SetAside, ...]
    notes: tuple[str, ...]
    """One line for each trouble with the clocks, however many rows have it."""


def read_series(sheet: Sheet, mapping: SeriesMapping) -> Series:
    """The readings of an export, and the rows that make none."""
    aside: list[SetAside] = []
    stamps: dict[tuple[str, datetime], list[Row]] = defaultdict(list)
    for row in sheet.rows:
        try:
            stamps[_stamp(row, mapping)].append(row)
        except RowProblem as problem:
            aside.append(SetAside(row, str(problem)))
    clocks: Counter[str] = Counter()
    readings: list[Reading] = []
    for (animal, stamp), rows in stamps.items():
        try:
            ends = _instants(stamp, len(rows), mapping.timezone)
        except RowProblem as problem:
            clocks[str(problem)] += len(rows)
            aside += [SetAside(row, str(problem)) for row in rows]
            continue
        for row, end in zip(rows, ends, strict=True):
            try:
                readings += tuple(_readings(row, animal, end, mapping))  # of a row all or none
            except RowProblem as problem:
                aside.append(SetAside(row, str(problem)))
    notes = tuple(f"{n} rows: {problem}" for problem, n in sorted(clocks.items()))
    return Series(tuple(readings), tuple(aside), notes)


def _stamp(row: Row, mapping: SeriesMapping) -> tuple[str, datetime]:
    """Animal and time as written: naive unless the file says a zone."""
    if row.problem is not None:
        raise RowProblem(row.problem)
    animal = as_text(row.cells[mapping.animal.column])
    if animal is None:
        raise RowProblem(f"{mapping.animal.column}: no animal is named")
    stamp = cells.moment(row, mapping.time)
    if stamp is None:
        raise RowProblem(f"{mapping.time.column}: is empty")
    if not isinstance(stamp, datetime):
        raise RowProblem(f"{mapping.time.column}: a day without a time of day")
    return animal, stamp


def _instants(stamp: datetime, rows: int, timezone: str) -> tuple[datetime, ...]:
    """The instants of rows of one animal with the same time, in their order.

    Raises:
        RowProblem: the time does not exist, or it cannot be told which of two is meant.
    """
    try:
        first, last = earliest(stamp, timezone).astimezone(UTC), latest(stamp, timezone).astimezone(UTC)
    except ValueError as error:
        raise RowProblem(str(error)) from error
    if first == last:
        return (first,) * rows
    if rows == 2:
        return first, last
    raise RowProblem(
        f"{stamp.isoformat(sep=' ')} occurs twice in {timezone}, because the clocks were put back, but {rows} rows "
        "of one animal claim it: which hour is meant is not known"
    )


def _readings(row: Row, animal: str, stamp: datetime, mapping: SeriesMapping) -> Iterator[Reading]:
    window = timedelta(hours=mapping.hours)
    start = stamp - window if mapping.stamp == "end" else stamp
    for measure, spec in mapping.measures.items():
        name = "\0".join((mapping.animal.scheme, animal, measure, start.isoformat()))
        yield Reading(
            row=row,
            reading_id=label_id(mapping.farm, mapping.source, name),
            scheme=mapping.animal.scheme,
            identifier=animal,
            measure=measure,
            occurred_from=start,
            occurred_by=start + window,
            value=_value(row, spec),
            unit=spec.unit,
        )


def _value(row: Row, spec: Measure) -> float | None:
    text = as_text(row.cells[spec.column])
    return None if text is None else cells.number(spec.column, row.cells[spec.column], text, spec.decimal)
