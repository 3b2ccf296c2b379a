"""Who is in a group: members written into the message, or those of an animal set as it was at that moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from herdbook.labels.cells import RowProblem, bounds
from herdbook.labels.icar.document import Message
from herdbook.labels.icar.fields import identifier, moment, part, parts, text
from herdbook.labels.icar.mapping import IcarMapping
from herdbook.labels.icar.messages import Kept
from herdbook.labels.icar.stated import AnimalName

SET_TYPES = ("AnimalSet", "AnimalSetJoinEvent", "AnimalSetLeaveEvent")


class AnimalSets:
    """The farm's animal sets: each as last told, and who joined and left it."""

    def __init__(self, told: Iterable[Kept], mapping: IcarMapping) -> None:
        self._timezone = mapping.timezone
        self._members: dict[str, tuple[datetime | None, list[AnimalName]]] = {}
        self._moves: dict[str, list[tuple[datetime, bool, AnimalName]]] = defaultdict(list)
        for kept in told:
            if kept.deleted:
                continue
            if kept.kind == "AnimalSet":
                self._members[text(kept.message, "id") or ""] = kept.modified_at, _listed(kept.message)
            elif kept.kind in SET_TYPES:
                self._move(kept)

    def members(self, message: Message) -> list[AnimalName]:
        """The animals that a group event is about; none where it only counts or describes them.

        Raises:
            RowProblem: it refers to a set that is not known here, or of which it is not known who was in it then.
        """
        if message.get("embeddedAnimalSet") is not None:
            return _listed(part(message, "embeddedAnimalSet"))
        reference = part(message, "animalSetReference")
        if not reference:
            return []
        name = text(part(reference, "identifier"), "id")
        if name is None or name not in self._members:
            raise RowProblem(f"animalSetReference: the animal set '{name or ''}' was never sent")
        when = self._time(message)
        told_at, told = self._members[name]
        if when is None or told_at is None:
            raise RowProblem(
                f"animalSetReference: who was in the animal set '{name}' then is not known: a time is missing"
            )
        members = set(told)
        for at, joined, animal in sorted(self._moves[name], reverse=when < told_at):
            if told_at < at <= when:
                (members.add if joined else members.discard)(animal)
            elif when < at <= told_at:  # not yet: undone
                (members.discard if joined else members.add)(animal)
        return sorted(members)

    def _move(self, kept: Kept) -> None:
        animal, when = identifier(kept.message), self._time(kept.message)
        if animal is not None and when is not None:
            name = text(kept.message, "animalSetId") or ""
            self._moves[name].append((when, kept.kind == "AnimalSetJoinEvent", animal))

    def _time(self, message: Message) -> datetime | None:
        found = moment(message, "eventDateTime")
        return None if found is None else bounds(found, self._timezone)[0]


def _listed(animal_set: Message) -> list[AnimalName]:
    members: list[AnimalName] = []
    for n, member in enumerate(parts(animal_set, "member")):
        found = identifier({"member": member}, "member")
        if found is None:
            raise RowProblem(f"member.{n}: no animal is named")
        members.append(found)
    return members
