"""A fact as a message states it, and how the readers of message types are made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from herdbook.labels.cells import RowProblem
from herdbook.labels.icar.document import Message
from herdbook.labels.icar.fields import identifier, text
from herdbook.labels.kinds import LabelKind

AnimalName = tuple[str, str]
"""ICAR's scheme, and the id in it."""


@dataclass(frozen=True)
class Statement:
    """A fact as a message states it, in its own words."""

    kind: LabelKind
    animal: AnimalName
    part: str
    """Tells the facts of one message apart, for ever."""
    when: str = "eventDateTime"
    """Field that says when it was seen,"""
    of: Message | None = None
    """and the part of the message that holds it; the message itself when none."""
    number: float | None = None
    text: str | None = None
    scale: str | None = None
    unit: str | None = None
    site: str | None = None
    severity: str | None = None


Reader = Callable[[Message, Mapping[str, str]], Iterator[Statement]]
"""Of a message and the scales of trait labels."""


def animal_of(message: Message) -> AnimalName:
    """The one animal that a message is about.

    Raises:
        RowProblem: it names none.
    """
    found = identifier(message)
    if found is None:
        raise RowProblem("animal: no animal is named")
    return found


def event(kind: LabelKind, *fields: str) -> Reader:
    """A reader of events with one word as value: the first of ``fields`` that is there."""

    def read(message: Message, _: Mapping[str, str]) -> Iterator[Statement]:
        words = (text(message, field) for field in fields)
        yield Statement(kind, animal_of(message), kind.value, text=next((w for w in words if w), None))

    return read


def member_part(name: str, animal: AnimalName) -> str:
    """The name of one animal's fact within a group's: its place in the list may change."""
    return f"{name}.{hashlib.sha256(chr(0).join(animal).encode()).hexdigest()[:12]}"
