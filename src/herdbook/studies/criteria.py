"""What makes a case, in terms of labels: kinds, texts, values on a scale, or a chosen definition of lame."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.lameness import lameness_definition

Days = Annotated[int, Field(ge=0, le=3660, strict=True)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Criterion(Contract):
    """Labels that meet the outcome; what is not named is not asked for. Scales are never converted."""

    kind: Slug
    scale: Text | None = None
    texts: tuple[Text, ...] | None = None
    severities: tuple[Text, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _scaled(self) -> Self:
        if (self.at_least, self.at_most) != (None, None) and self.scale is None:
            raise ValueError("scale: a value means nothing without its scale; name one")
        return self

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """Itself: what there is to ask labels for."""
        return (self,)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.kind if self.texts is None else f"{self.kind}: {', '.join(self.texts)}"


class Lame(Contract):
    """A definition of lame by name and version, such as ``clinically-lame/1`` (`herdbook labels lame` lists them)."""

    lame: Text

    @field_validator("lame")
    @classmethod
    def _known(cls, reference: str) -> str:
        return lameness_definition(reference).reference

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """A criterion per scale that the definition names; of other scales it says nothing."""
        cuts = lameness_definition(self.lame).cuts
        return tuple(Criterion(kind="lameness_score", scale=scale, at_least=cut) for scale, cut in cuts.items())


def _which(given: Any) -> str:
    lame = "lame" in given if isinstance(given, dict) else isinstance(given, Lame)
    return "lame" if lame else "labels"


Meeting = Annotated[
    Annotated[Criterion, Tag("labels")] | Annotated[Lame, Tag("lame")],
    Discriminator(_which),
]


class Outcome(Contract):
    """What makes a case."""

    name: Text
    any_of: Annotated[tuple[Meeting, ...], Field(min_length=1)]
    episode_gap_days: Days = 14
    """A label so long after the last begins a new episode; sooner, it belongs to it."""
    washout_days: Days = 14
    """An animal is at risk once it was observed so long, and so long after an episode."""
    which: Literal["first", "every"] = "every"

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """What labels are asked for."""
        return tuple(criterion for one in self.any_of for criterion in one.criteria)
