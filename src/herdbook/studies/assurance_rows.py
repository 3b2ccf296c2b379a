"""Assurance rows: a small herd written beside a definition, and the rows that must come of it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, field_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import FarmDay
from herdbook.contracts.identifiers import AnimalId, Slug

Count = Annotated[int, Field(ge=0)]


class GivenStay(Contract):
    """An animal in a pen, both days included; without ``until`` it stays."""

    animal: AnimalId
    pen: Slug = "p"
    since: FarmDay
    until: FarmDay | None = None
    born: FarmDay | None = None
    sex: str | None = None


class GivenLabel(Contract):
    """A label, known by its day."""

    animal: AnimalId
    day: FarmDay
    kind: Slug
    text: str | None = None
    value: float | None = None
    scale: str | None = None
    severity: str | None = None
    sound: FarmDay | None = None
    """Last day on which it was known not to be true."""


class GivenDays(Contract):
    """Alike days of an animal, both ends included. Further keys are columns of `animal_day` in seconds, such as
    ``lying_s``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    animal: AnimalId
    since: FarmDay
    until: FarmDay
    hours: Annotated[float, Field(ge=0, le=24)] = 20.0
    """Observed."""
    lying_share: Annotated[float, Field(ge=0, le=1)] | None = None
    release: Slug = "model-1"
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0

    @property
    def columns(self) -> dict[str, float]:
        """Of `animal_day`, with their values."""
        seconds = self.hours * 3600
        lying = {} if self.lying_share is None else {"lying_s": self.lying_share * seconds}
        return {"behaviour_s": seconds, **lying, **(self.model_extra or {})}


class GivenBridge(Contract):
    """What a change of model alone does to a behaviour's share, as in `bridge_behaviour`."""

    from_release: Slug
    to_release: Slug
    behaviour: Slug
    difference: Annotated[float, Field(ge=-1, le=1)]
    low: float | None = None
    high: float | None = None


class Assurance(Contract):
    """What must come of a small herd. Rows are matched by ``of`` (the case's animal) and ``animal``; of each, the
    columns of the analysis table that are named must agree, and there must be no other rows."""

    name: Annotated[str, Field(min_length=3)]
    timezone: str = "UTC"
    stays: Annotated[tuple[GivenStay, ...], Field(min_length=1)]
    labels: tuple[GivenLabel, ...] = ()
    days: tuple[GivenDays, ...] = ()
    bridges: tuple[GivenBridge, ...] = ()
    expect: tuple[dict[str, Any], ...]

    @field_validator("expect")
    @classmethod
    def _named(cls, rows: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for row in rows:
            if not {"of", "animal"} <= row.keys():
                raise ValueError("each row names `of`, the animal of its set's case, and `animal`")
        return rows
