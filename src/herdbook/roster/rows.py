"""What one row of each roster table may hold, and what its table is called in files and in the lake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import BeforeValidator, Field, StringConstraints

from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import TimezoneName
from herdbook.contracts.identifiers import AnimalId, Slug
from herdbook.roster.moments import Moment, parse_moment
from herdbook.roster.sheets import as_text


def _moment(cell: Any) -> Any:
    if isinstance(cell, str):
        return parse_moment(cell)
    if cell is not None and not isinstance(cell, date):
        raise ValueError(f"'{cell}' is a number, not a date or time")
    return cell


def _day(cell: Any) -> Any:
    if isinstance(cell, datetime) and (cell.hour, cell.minute, cell.second) == (0, 0, 0):
        return cell.date()  # a spreadsheet's date is a midnight
    return cell


def _names(cell: Any) -> Any:
    text = as_text(cell)
    return tuple(sorted({part.strip() for part in (text or "").split(";") if part.strip()}))


_Text = BeforeValidator(as_text)
_Slug = Annotated[Slug, _Text]
_Animal = Annotated[AnimalId, _Text]
_Name = Annotated[str, _Text, StringConstraints(min_length=1, max_length=120)]
_When = Annotated[Moment, BeforeValidator(_moment)]


class FarmRow(Contract):
    """A farm and its IANA time zone."""

    farm_id: _Slug
    name: _Name
    timezone: Annotated[TimezoneName, _Text]


class PenRow(Contract):
    """A pen of a farm; floor area in square metres."""

    pen_id: _Slug
    farm_id: _Slug
    name: _Name
    area_m2: Annotated[float, Field(gt=0, le=1e6)] | None = None


class DeviceRow(Contract):
    """An edge device; ``sku`` names its hardware."""

    device_id: _Slug
    farm_id: _Slug
    sku: Annotated[str | None, _Text, Field(max_length=63)] = None


class CameraRow(Contract):
    """Where a camera hangs, for a time; ``disjoint_from`` names cameras that never see the same spot (``a;b``)."""

    camera_id: _Slug
    pen_id: _Slug
    device_id: _Slug
    disjoint_from: Annotated[tuple[Slug, ...], BeforeValidator(_names)] = ()
    valid_from: _When
    valid_to: _When | None = None


class AnimalRow(Contract):
    """An animal under the name it keeps for life."""

    animal_id: _Animal
    farm_id: _Slug
    species: _Slug
    sex: Annotated[Literal["female", "male", "castrated"] | None, _Text] = None
    born_on: Annotated[date | None, BeforeValidator(_day)] = None


class IdentifierRow(Contract):
    """A tag that an animal bore for a time. Tags are lost and issued again: unique per farm and scheme at a time."""

    animal_id: _Animal
    farm_id: _Slug
    scheme: _Slug
    identifier: Annotated[str, _Text, StringConstraints(min_length=1, max_length=63)]
    valid_from: _When
    valid_to: _When | None = None


class PenStayRow(Contract):
    """A stay of an animal in a pen; an open ``valid_to`` means it is still there."""

    animal_id: _Animal
    pen_id: _Slug
    valid_from: _When
    valid_to: _When | None = None


@dataclass(frozen=True)
class RosterTable:
    """One roster table: its name in files, in the lake, its row and its key."""

    name: str
    """File ``<name>.csv`` or sheet ``<name>``."""
    table: str
    row: type[Contract]
    key: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the file, in order."""
        return tuple(self.row.model_fields)

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that a file must have."""
        return tuple(name for name, f in self.row.model_fields.items() if f.is_required())


FARMS = RosterTable("farms", "roster.farm", FarmRow, ("farm_id",))
PENS = RosterTable("pens", "roster.pen", PenRow, ("pen_id",))
DEVICES = RosterTable("devices", "roster.device", DeviceRow, ("device_id",))
CAMERAS = RosterTable("cameras", "roster.camera", CameraRow, ("camera_id", "valid_from"))
ANIMALS = RosterTable("animals", "roster.animal", AnimalRow, ("animal_id",))
IDENTIFIERS = RosterTable(
    "identifiers", "roster.animal_identifier", IdentifierRow, ("animal_id", "scheme", "identifier", "valid_from")
)
PEN_STAYS = RosterTable("pen_stays", "roster.pen_stay", PenStayRow, ("animal_id", "pen_id", "valid_from"))

TABLES = (FARMS, PENS, DEVICES, CAMERAS, ANIMALS, IDENTIFIERS, PEN_STAYS)
"""In the order in which they refer to each other."""

TIME = pa.timestamp("us", tz="UTC")
_ARROW = {
    "area_m2": pa.float64(),
    "born_on": pa.date32(),
    "disjoint_from": pa.list_(pa.string()),
    "valid_from": TIME,
    "valid_to": TIME,
}


def arrow_schema(table: RosterTable) -> pa.Schema:
    """The lake table's columns, with those that every version carries."""
    fields = [pa.field(c, _ARROW.get(c, pa.string())) for c in table.columns]
    versioned = [pa.field("recorded_at", TIME), pa.field("retracted", pa.bool_()), pa.field("source", pa.string())]
    return pa.schema(fields + versioned)
