"""A part of bulk records: rows of the lake's own tables as Parquet files, with a marker that is written last.

What a device day is to the nightly load, a part is to the bulk load (`herdbook.lake.bulk`): the unit that comes whole
or not at all. ``part.json`` names every file, its table, rows and digest; files lie beside it. Rows carry all columns
of their table, ``load_id`` too. A part either brings device days (``record.device_day`` among its tables) or the farm
that they belong to (``roster.farm``), which comes first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.digest import sha256_of
from herdbook.contracts.identifiers import FileName, Sha256, Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import LandedDayError

MARKER = "part.json"
TableName = Annotated[
    str, StringConstraints(strict=True, pattern=r"^(record|roster|identity|label)\.[a-z][a-z_]*$", max_length=63)
]

DEVICE_DAY, FARM = "record.device_day", "roster.farm"


class PartFile(Contract):
    """One table's rows."""

    table: TableName
    name: FileName
    rows: Annotated[int, Field(ge=0, strict=True)]
    sha256: Sha256


class Part(Contract):
    """``part.json``."""

    format: Literal["herdbook-bulk/1"] = "herdbook-bulk/1"
    name: Slug
    files: Annotated[tuple[PartFile, ...], Field(min_length=1, max_length=64)]

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        tables = [f.table for f in self.files]
        if len(set(tables)) != len(tables) or len({f.name for f in self.files}) != len(tables):
            raise ValueError("a table or a file is named twice")
        if (DEVICE_DAY in tables) == (FARM in tables):
            raise ValueError(f"a part brings either {DEVICE_DAY} or {FARM}")
        return self

    @property
    def brings_days(self) -> bool:
        """Whether it holds device days; otherwise it holds their farm."""
        return any(f.table == DEVICE_DAY for f in self.files)

    def file(self, table: str) -> PartFile:
        """The file of a table that the part has."""
        return next(f for f in self.files if f.table == table)


def read_part(folder: Path) -> Part:
    """Read a part's marker.

    Raises:
        LandedDayError: it is not there, or not a part's.
    """
    try:
        return Part.model_validate_json((folder / MARKER).read_bytes())
    except OSError as error:
        raise LandedDayError(f"{folder} is not a finished part: {error.strerror}", REMAKE) from error
    except ValidationError as error:
        raise LandedDayError(f"{folder / MARKER}: {first_problem(error.errors())}", REMAKE) from error


def verify_part(folder: Path, part: Part) -> None:
    """Check that every file is byte for byte what was written.

    Raises:
        LandedDayError: one is gone or was altered.
    """
    for file in part.files:
        try:
            found = sha256_of(folder / file.name)
        except OSError as error:
            raise LandedDayError(f"{folder / file.name} cannot be read: {error.strerror}", REMAKE) from error
        if found != file.sha256:
            raise LandedDayError(f"{folder / file.name} was altered since it was written", REMAKE)


REMAKE = "Remove the part's folder and let the command that wrote it make it again; nothing of it was loaded."
