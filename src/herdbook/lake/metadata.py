"""``metadata.yaml`` beside every definition: who owns it, what a row is, and the unit and meaning of every column."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from herdbook.errors import ConfigurationError
from herdbook.lake.definitions import Definition, definitions

Unit = Literal[
    "id", "text", "flag", "date", "instant", "count", "1", "s", "m", "m²", "m/s", "px", "frames/s", "vector", "see unit"
]
"""``instant`` is UTC, ``1`` a number without unit, ``see unit`` in the unit that the row names."""

Text = Annotated[str, Field(min_length=3)]


_SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where it is there


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Strict):
    """One column."""

    unit: Unit
    description: Text


class Metadata(_Strict):
    """One table, view or macro."""

    owner: Literal["lake", "roster", "identity", "labels", "ingest", "learning", "studies"]
    """The package under ``src/herdbook`` whose people answer for it."""
    grain: Text
    """What one row is."""
    description: Text
    key: tuple[str, ...] = ()
    """Columns that no two rows share; checked, since DuckLake knows no keys."""
    like: str | None = None
    """``group/name`` whose columns it has too, described there."""
    columns: dict[str, Column] = {}


@cache
def read_metadata(definition: Definition) -> Metadata:
    """The metadata of a definition.

    Raises:
        ConfigurationError: the file is absent or not valid.
    """
    return read_metadata_file(definition.folder / "metadata.yaml")


def read_metadata_file(path: Path) -> Metadata:
    """The metadata in a file.

    Raises:
        ConfigurationError: the file is absent or not valid.
    """
    try:
        return Metadata.model_validate(yaml.load(path.read_text(encoding="utf-8"), _SafeLoader))  # noqa: S506 - it is safe
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


def described_columns(definition: Definition) -> dict[str, Column]:
    """Every described column of a definition, its own after those it takes over.

    Raises:
        ConfigurationError: a file is not valid, or names what is not there.
    """
    metadata = read_metadata(definition)
    if metadata.like is None:
        return dict(metadata.columns)
    other = next((d for d in definitions() if f"{d.group}/{d.name}" == metadata.like), None)
    if other is None:
        raise ConfigurationError(f"{definition.folder}: there is no '{metadata.like}'")
    return described_columns(other) | metadata.columns
