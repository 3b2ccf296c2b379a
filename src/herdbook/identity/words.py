"""The vocabulary of corrections by hand: what people can say about who is who, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What an operation is."""

    ACCEPT = "accept"
    REJECT = "reject"
    SKIP = "skip"
    CORRECT = "correct"
    MERGE = "merge"
    SPLIT = "split"
    RETAG = "retag"
    UNDO = "undo"


class Says(StrEnum):
    """What a decision says of its tracklet and animal."""

    IS = "is"
    NOBODY = "nobody"
    IS_NOT = "is not"
    SET_ASIDE = "set aside"
    SKIPPED = "skipped"


CARRIED = tuple(f"person/{kind.value}" for kind in (Kind.MERGE, Kind.SPLIT, Kind.RETAG))
"""Methods of decisions that carry a claim over to another name, with its confidence."""
SET_ASIDE = "set-aside/1"
"""Method of a claim that gave way to a person's word about another tracklet."""


@dataclass(frozen=True)
class Word:
    """Who says it, and why."""

    by: str = "cli"
    reason: str | None = None


@dataclass(frozen=True)
class Saying:
    """A word about one tracklet."""

    load_id: str
    tracklet_id: str
    says: Says
    animal_id: str | None
    confidence: float


@dataclass(frozen=True)
class Operation:
    """What is said of animals, from when until when in the world; see the columns of ``identity.operation``."""

    kind: Kind
    animal_id: str | None = None
    other_animal_id: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    undoes: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Done:
    """What an operation came to."""

    operation_id: str
    kind: str
    tracklets: int
    """Tracklets that it speaks of."""
    set_aside: tuple[str, ...]
    """Tracklets whose claim gave way: nobody is claimed on them until they are matched again."""
    loads: int
    """Loads that the next night matches again."""
