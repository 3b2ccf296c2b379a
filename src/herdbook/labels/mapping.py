"""A mapping file: which columns of a farm's export mean what. Strict: unknown keys are refused.

A file of one kind of event::

    source: claw-trimmer            # with source_id names a fact for ever
    farm: hill
    timezone: Europe/London         # of times without a zone; a day without a time lasts from midnight to midnight
    animal: {column: Tag, scheme: management}    # scheme herdbook: the column holds our own animal_id
    event:
      kind: lameness_score
      value: {column: Score, scale: locomotion-1-5}
    occurred_by: {column: Date, format: "%d/%m/%Y"}   # without a format: ISO 8601
    observer: Person
    source_id: [RecordNo]           # without it: the row's own facts but for the value

A file of several kinds::

    events:
      column: Event
      values:
        Weighing: {kind: weight, value: {column: Value, unit: kg, decimal: ","}}
        Lameness: {kind: lameness_score, value: {column: Value, scale: mobility-0-3}}
        Note: null                  # left out knowingly
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import TimezoneName
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.validation import one_line
from herdbook.errors import ConfigurationError
from herdbook.labels.kinds import RULES, LabelKind
from herdbook.labels.mapping_file import read_yaml

OWN_SCHEME = "herdbook"
"""The identifier scheme of our own animal ids."""

Column = Annotated[str, Field(min_length=1, max_length=200)]


def _column_alone(given: Any) -> Any:
    return {"column": given} if isinstance(given, str) else given


def _hint(given: Any) -> str:
    return " (YAML reads yes, no, on and off as truth values: quote them)" if isinstance(given, bool) else ""


def _text_keys(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    if any(isinstance(key, bool) for key in given):
        raise ValueError("a key is a truth value" + _hint(True))
    return {str(key): value for key, value in given.items()}


class FileShape(Contract):
    """How the file is laid out. ``sheet`` is for workbooks, ``delimiter`` and ``encoding`` for CSV."""

    header_row: Annotated[int, Field(ge=1, le=1000)] = 1
    sheet: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8-sig"


class TextColumn(Contract):
    """A column of text; with ``values`` each is translated, and one that is not listed is a problem."""

    column: Column
    values: Annotated[dict[str, str], BeforeValidator(_text_keys), Field(default_factory=dict)]


class TimeColumn(Contract):
    """A day, or a day and time; formats as of `datetime.strptime`, ISO 8601 without one."""

    column: Column
    format: str | None = None
    time_column: Column | None = None
    time_format: str | None = None


class ValueColumn(Contract):
    """A column of values, with the scale or unit they are in; ``values`` translates them first."""

    column: Column
    values: Annotated[dict[str, str | float], BeforeValidator(_text_keys), Field(default_factory=dict)]
    decimal: Literal[".", ","] = "."
    scale: str | None = None
    unit: str | None = None


class RowFlag(Contract):
    """Rows whose column holds one of these values."""

    column: Column
    values: Annotated[tuple[str, ...], Field(min_length=1)]


class Event(Contract):
    """A kind of fact and its value."""

    kind: LabelKind
    value: ValueColumn | None = None

    @model_validator(mode="after")
    def _value_fits(self) -> Self:
        rule, value = RULES[self.kind], self.value
        if value is None:
            if rule.required:
                raise ValueError(f"a {self.kind.value} needs a value column")
            return self
        if rule.scales and value.scale not in rule.scales:
            raise ValueError(f"a {self.kind.value} needs a scale: {', '.join(rule.scales)}")
        if value.unit is not None and value.unit not in rule.units:
            raise ValueError(f"a {self.kind.value} has a unit among: {', '.join(rule.units) or 'none'}")
        if rule.value == "number" and not rule.scales and value.scale is not None:
            raise ValueError(f"a {self.kind.value} has no scale")
        return self

    @property
    def scale(self) -> str | None:
        """The value's scale, or the code scheme of a text."""
        return None if self.value is None else self.value.scale

    @property
    def unit(self) -> str | None:
        """The value's unit: that of the mapping, or the kind's first."""
        if self.value is None:
            return None
        return self.value.unit or next(iter(RULES[self.kind].units), None)


class EventColumn(Contract):
    """A column that names the kind of event; ``null`` leaves its rows out."""

    column: Column
    values: Annotated[dict[str, Event | None], BeforeValidator(_text_keys), Field(min_length=1)]


class AnimalColumn(Contract):
    """A column that names the animal by an identifier of a scheme of the roster."""

    column: Column
    scheme: Slug = "management"


_Text = Annotated[TextColumn, BeforeValidator(_column_alone)]
_Time = Annotated[TimeColumn, BeforeValidator(_column_alone)]


class Mapping(Contract):
    """What a farm's export means; see the module's examples."""

    source: Slug
    farm: Slug
    timezone: TimezoneName
    file: FileShape = FileShape()
    animal: AnimalColumn
    event: Event | None = None
    events: EventColumn | None = None
    occurred_by: _Time
    """When it was seen to be true: the first positive."""
    occurred_after: _Time | None = None
    """When it was last seen not to be true: the last negative."""
    recorded_at: _Time | None = None
    """When it was written down on the farm; ``occurred_by`` when omitted."""
    observer: _Text | None = None
    site: _Text | None = None
    severity: _Text | None = None
    planned: RowFlag | None = None
    """Rows that are plans, not events: left out."""
    retracted: RowFlag | None = None
    """Rows that take back what an earlier import said."""
    source_id: tuple[Column, ...] = ()
    """Columns that name a fact in the source for ever."""
    full: bool = False
    """The file is all that the source has: what it no longer lists is retracted."""

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if (self.event is None) == (self.events is None):
            raise ValueError("give either event or events")
        return self

    @property
    def all_events(self) -> tuple[Event, ...]:
        """Every kind of event that rows may be."""
        if self.event is not None:
            return (self.event,)
        return tuple(e for e in self.events.values.values() if e is not None) if self.events else ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the file must have."""
        times = [t for t in (self.occurred_by, self.occurred_after, self.recorded_at) if t is not None]
        texts = [t for t in (self.events, self.observer, self.site, self.severity) if t is not None]
        flags = [f for f in (self.planned, self.retracted) if f is not None]
        names = [self.animal.column, *(t.column for t in times), *(t.time_column for t in times if t.time_column)]
        names += [t.column for t in texts] + [f.column for f in flags]
        names += [e.value.column for e in self.all_events if e.value is not None]
        return tuple(dict.fromkeys([*names, *self.source_id]))


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        NotFoundError: there is no such file.
        ConfigurationError: it is not YAML, or not a mapping; the message names the key.
    """
    given = read_yaml(path)
    try:
        return Mapping.model_validate(given)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, p['loc'])) or 'mapping'}: {p['msg']}{_hint(p['input'])}" for p in error.errors()]
        raise ConfigurationError(f"{path.name} is not a label mapping: {one_line('; '.join(lines), 1_500)}") from error
