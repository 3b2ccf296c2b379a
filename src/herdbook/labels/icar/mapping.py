"""What a farm says about its ICAR messages. Strict: unknown keys are refused.

Example::

    source: mro                     # with a message's own name it names a fact for ever
    farm: hill
    timezone: Europe/Helsinki       # of times without a zone
    schemes: {fi.animal-id: ear-tag}           # ICAR's schemes of animals by those of the roster; else the same name
    scales: {uk.ahdb/mobility: mobility-0-3}   # trait labels (scheme/id) that are scores of lameness
    locations: [{scheme: fi.herd-id, id: "990000001"}]   # messages of other locations are left out; all when omitted
    resource_type: MilkingDryOffEvent          # of messages that do not say theirs
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import TimezoneName
from herdbook.contracts.identifiers import Slug
from herdbook.labels.icar.names import short_name
from herdbook.labels.kinds import RULES, LabelKind
from herdbook.labels.mapping_file import read_mapping

_Text = Annotated[str, Field(min_length=1, max_length=200)]


class Location(Contract):
    """A herd or holding by its official number."""

    scheme: _Text
    id: _Text


class IcarMapping(Contract):
    """What the messages of one source mean here; see the module's example."""

    source: Slug
    farm: Slug
    timezone: TimezoneName
    schemes: Annotated[dict[_Text, Slug], Field(default_factory=dict)]
    scales: Annotated[dict[_Text, str], Field(default_factory=dict)]
    locations: tuple[Location, ...] = ()
    resource_type: str | None = None
    full: bool = False
    """The document is all that the source has: what it no longer lists is retracted."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.resource_type is not None and short_name(self.resource_type) is None:
            raise ValueError(f"'{self.resource_type}' is no resource type of ICAR ADE 1.3")
        lame = RULES[LabelKind.LAMENESS_SCORE].scales
        if strange := set(self.scales.values()) - set(lame):
            raise ValueError(f"'{min(strange)}' is no scale of lameness; they are {', '.join(lame)}")
        return self

    def scheme(self, icar: str) -> str:
        """The roster's name of an identifier scheme."""
        return self.schemes.get(icar, icar.lower())


def load_icar_mapping(path: Path) -> IcarMapping:
    """Read a mapping file.

    Raises:
        NotFoundError: there is no such file.
        ConfigurationError: it is not YAML, or not a mapping of ICAR messages; the message names the key.
    """
    return read_mapping(path, IcarMapping, "ICAR messages")
