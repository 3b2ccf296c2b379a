"""What a sensor export means. Strict: unknown keys are refused.

Example, the two-hourly activity of a collar system::

    source: collar-system
    farm: collar-farm
    timezone: America/New_York      # of the system's clock; Etc/GMT+5 if it is never put forward or back
    file: {sheet: Sheet}
    animal: {column: Cow Number, scheme: management}
    time: {column: Date, time_column: Time, time_format: "%I:%M %p"}
    hours: 2                        # that a reading speaks of
    stamp: end                      # the time is the end of that window, or its start
    measures:
      activity: {column: Raw Activity Data}      # unit: 1 unless said otherwise, the maker's own index
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import TimezoneName
from herdbook.contracts.identifiers import Slug
from herdbook.labels.mapping import AnimalColumn, Column, FileShape, TimeColumn
from herdbook.labels.mapping_file import read_mapping


class Measure(Contract):
    """A column of readings."""

    column: Column
    unit: Annotated[str, Field(min_length=1, max_length=20)] = "1"
    decimal: Literal[".", ","] = "."


class SeriesMapping(Contract):
    """What an export of readings means; see the module's example."""

    source: Slug
    farm: Slug
    timezone: TimezoneName
    file: FileShape = FileShape()
    animal: AnimalColumn
    time: TimeColumn
    hours: Annotated[float, Field(gt=0, le=24)]
    stamp: Literal["start", "end"] = "end"
    measures: Annotated[dict[Slug, Measure], Field(min_length=1)]

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the file must have."""
        clock = (self.time.time_column,) if self.time.time_column else ()
        return (self.animal.column, self.time.column, *clock, *(m.column for m in self.measures.values()))


def load_series_mapping(path: Path) -> SeriesMapping:
    """Read a mapping file.

    Raises:
        NotFoundError: there is no such file.
        ConfigurationError: it is not YAML, or not a mapping of readings; the message names the key.
    """
    return read_mapping(path, SeriesMapping, "readings")
