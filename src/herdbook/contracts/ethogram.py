"""Ethograms: versioned lists of behaviours per species, kept as files, never as constants in code."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Annotated, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.identifiers import Slug
from herdbook.errors import ConfigurationError, NotFoundError


class Posture(StrEnum):
    """What an animal's body does while it behaves so; lying time sums over postures, not names."""

    LYING = "lying"
    SITTING = "sitting"
    STANDING = "standing"


class Behaviour(Contract):
    """One behaviour and the raw labels of annotated datasets that mean it."""

    name: Slug
    posture: Posture
    raw: tuple[str, ...] = ()


class Ethogram(Contract):
    """The behaviours a device may report."""

    ethogram_id: Slug
    species: Slug
    version: Annotated[int, Field(ge=1)]
    behaviours: Annotated[tuple[Behaviour, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        names = self.names
        raw = [label for b in self.behaviours for label in b.raw]
        if len(set(names)) != len(names) or len(set(raw)) != len(raw):
            raise ValueError("a behaviour or raw label occurs twice")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Behaviour names, in the file's order."""
        return tuple(b.name for b in self.behaviours)

    def from_raw(self, label: str) -> str | None:
        """The behaviour that a dataset's raw label means, or none."""
        return next((b.name for b in self.behaviours if label in b.raw), None)


@cache
def load_ethogram(ethogram_id: str) -> Ethogram:
    """The shipped ethogram of that id, for example ``pig-9``.

    Raises:
        NotFoundError: none has that id.
        ConfigurationError: the file is not a valid ethogram.
    """
    folder = resources.files("herdbook.contracts") / "ethograms"
    known = {entry.name.removesuffix(".yaml"): entry for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    if ethogram_id not in known:
        raise NotFoundError(f"there is no ethogram '{ethogram_id}'", f"Known are: {', '.join(sorted(known))}.")
    try:
        return Ethogram.model_validate(yaml.safe_load(known[ethogram_id].read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigurationError(f"ethogram '{ethogram_id}': {error}") from error


def all_ethograms() -> tuple[Ethogram, ...]:
    """Every shipped ethogram."""
    folder = resources.files("herdbook.contracts") / "ethograms"
    names = sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return tuple(load_ethogram(name) for name in names)
