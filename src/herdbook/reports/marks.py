"""What is drawn over every plot: changes of model, gaps in the watch, and what the farm wrote down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from herdbook.analytics.coverage import Span
from herdbook.reports.record import ModelChange, local
from herdbook.reports.source import Axis, Source

SYMBOLS = {
    "diagnosis": "v",
    "treatment": "P",
    "lameness_score": "D",
    "condition_score": "p",
    "heat": "*",
    "insemination": "^",
    "pregnancy_check": "o",
    "parturition": "h",
    "abortion": "X",
    "health_status": "s",
}
"""Marker of each kind of label that is drawn; told apart by shape, not by colour."""
LINES = ("diagnosis", "treatment", "heat", "insemination", "parturition", "abortion", "death")
"""Kinds that get a line through every plot."""
SERIES = ("weight", "milking", "milk_24h", "feed_intake")
"""Kinds that are measurements in a row, not events; weights are drawn as growth."""


@dataclass(frozen=True)
class Fact:
    """One thing that the farm wrote down, in farm-local time."""

    animal_id: str
    day: date
    at: datetime
    kind: str
    value: str
    scale: str | None
    number: float | None
    unit: str | None
    observer: str | None
    after: datetime | None
    """Last moment at which it was known not to be so."""

    @property
    def said(self) -> str:
        """In words: ``diagnosis: lameness (severe)``."""
        words = self.kind.replace("_", " ")
        scale = f" on {self.scale}" if self.scale and self.number is not None else ""
        unit = f" {self.unit}" if self.unit and self.number is not None else ""
        return f"{words}: {self.value}{unit}{scale}" if self.value else words


@dataclass(frozen=True)
class Marks:
    """All that is drawn over every plot of a report."""

    changes: Sequence[ModelChange]
    gaps: Sequence[Span]
    facts: Sequence[Fact]


def read_facts(source: Source, animals: Sequence[str], axis: Axis, farm_zone: ZoneInfo) -> list[Fact]:
    """Labels of some animals on the axis."""
    query = """
    FROM label_current
    WHERE list_contains($animals, animal_id) AND occurred_day BETWEEN $first AND $last
    ORDER BY occurred_by, label_id
    """
    asked: dict[str, Any] = {"animals": list(animals), "first": axis.first, "last": axis.last}
    return [_fact(row, farm_zone) for row in source.rows(query, asked)]


def _fact(row: dict[str, Any], farm_zone: ZoneInfo) -> Fact:
    number = row["value_number"]
    value = row["value_text"] or ("" if number is None else f"{number:g}")
    extra = ", ".join(str(row[name]) for name in ("severity", "site") if row[name])
    after = row["occurred_after"]
    return Fact(
        animal_id=row["animal_id"],
        day=row["occurred_day"],
        at=local(row["occurred_by"], farm_zone),
        kind=row["kind"],
        value=f"{value} ({extra})" if extra and value else value or extra,
        scale=row["scale"],
        number=number,
        unit=row["unit"],
        observer=row["observer"],
        after=None if after is None else local(after, farm_zone),
    )
