"""What counts as lame: cuts of scores, each with its source. A study chooses one; scales are never converted."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Annotated, Literal

import yaml
from pydantic import Field

from herdbook.contracts.camera import Contract
from herdbook.contracts.identifiers import Slug
from herdbook.errors import NotFoundError


class LamenessDefinition(Contract):
    """One way to call an animal lame by its score."""

    name: Slug
    version: Annotated[int, Field(ge=1)]
    cuts: Annotated[dict[str, float], Field(alias="from", min_length=1)]
    """By scale: the lowest score that counts."""
    source: Annotated[str, Field(min_length=20)]

    @property
    def reference(self) -> str:
        """``name/version``: how a study names it."""
        return f"{self.name}/{self.version}"

    def lame(self, scale: str, score: float) -> bool | None:
        """Whether a score means lame; none where the definition says nothing of its scale."""
        return score >= self.cuts[scale] if scale in self.cuts else None

    @property
    def condition(self) -> str:
        """The same as an SQL expression over columns of ``label_current``: null where it says nothing."""
        cases = (f"WHEN scale = '{scale}' THEN value_number >= {cut!r}" for scale, cut in self.cuts.items())
        return f"CASE WHEN kind <> 'lameness_score' THEN NULL {' '.join(cases)} END"


class _File(Contract):
    format: Literal["herdbook-lameness/1"]
    definitions: tuple[LamenessDefinition, ...]


@cache
def lameness_definitions() -> tuple[LamenessDefinition, ...]:
    """Every definition, in the order of the file."""
    text = (resources.files("herdbook.contracts") / "lameness.yaml").read_text(encoding="utf-8")
    return _File.model_validate(yaml.safe_load(text)).definitions


def lameness_definition(reference: str) -> LamenessDefinition:
    """The definition that a study names as ``name/version``.

    Raises:
        NotFoundError: there is none; the message lists those that there are.
    """
    known = {definition.reference: definition for definition in lameness_definitions()}
    if reference not in known:
        raise NotFoundError(f"there is no definition of lame '{reference}'", f"There are: {', '.join(known)}.")
    return known[reference]
