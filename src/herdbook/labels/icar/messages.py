"""Messages as they are kept: who says what, under which name, whether it takes something back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from herdbook.labels.cells import RowProblem, bounds
from herdbook.labels.icar.document import Message, body_text
from herdbook.labels.icar.fields import has_no_zone, identifier, moment, part, text
from herdbook.labels.icar.mapping import IcarMapping
from herdbook.labels.icar.names import short_name
from herdbook.roster.sheets import Row

Notes = Counter[str]
"""Where messages depart from the standard and what was made of it, with how many did."""


@dataclass(frozen=True)
class Kept:
    """A message that could be read as one."""

    kind: str
    """Its type's short name."""
    source_id: str
    """``<meta.source>:<type>:<id>``. The type belongs to it: systems number each type by itself."""
    message: Message
    modified_at: datetime | None
    created_at: datetime | None
    deleted: bool
    place: int
    """From 1, in its document."""

    @property
    def row(self) -> Row:
        """How quarantine shows it."""
        return shown(self.message, self.place)


def shown(message: Any, place: int) -> Row:
    """A message, or what stands in its place, as quarantine shows it."""
    kind = message.get("resourceType") if isinstance(message, dict) else None
    text_ = body_text(message)
    return Row(place, {"resourceType": kind if isinstance(kind, str) else None, "message": text_})


def name_of(given: Any, mapping: IcarMapping) -> str | None:
    """The name of what a message speaks of, though it may not be usable otherwise; none where it does not tell."""
    try:
        kind, _ = _kind(given, mapping)
        return _source_id(given, kind, mapping)
    except RowProblem:
        return None


def read_message(given: Any, place: int, mapping: IcarMapping, notes: Notes) -> Kept:
    """Read what every message has.

    Args:
        given: as it stands in the document.
        place: where, from 1.
        mapping: what the farm says about it.
        notes: told of departures from the standard.

    Raises:
        RowProblem: it is no message, of no known type, or has no name by which it could be corrected or taken back.
    """
    kind, said = _kind(given, mapping)
    source_id = _source_id(given, kind, mapping)
    if not said:
        notes[f"no resourceType: taken for {kind}, as the mapping says"] += 1
    meta = part(given, "meta")
    deleted = meta.get("isDeleted")
    if deleted is not None and not isinstance(deleted, bool):
        raise RowProblem("meta.isDeleted: is neither true nor false")
    modified, created = moment(meta, "modified"), moment(meta, "created")
    if modified is None:
        notes["no meta.modified: when it was written down is not known"] += 1
    if has_no_zone(modified) or has_no_zone(created):
        notes[f"a time in meta without a zone: read in {mapping.timezone}"] += 1
    return Kept(
        kind,
        source_id,
        given,
        modified_at=None if modified is None else bounds(modified, mapping.timezone)[1],
        created_at=None if created is None else bounds(created, mapping.timezone)[1],
        deleted=deleted is True,
        place=place,
    )


def elsewhere(kept: Kept, mapping: IcarMapping) -> bool:
    """Whether a message is of a location that the mapping leaves out. One that names none is of the farm."""
    location = identifier(kept.message, "location")
    return bool(mapping.locations) and location not in (None, *((p.scheme, p.id) for p in mapping.locations))


def _kind(given: Any, mapping: IcarMapping) -> tuple[str, bool]:
    """The type's short name, and whether the message says it itself."""
    if not isinstance(given, dict):
        raise RowProblem("it is no object, and so no message")
    written = text(given, "resourceType")
    kind = short_name(written or mapping.resource_type or "")
    if written is None and kind is None:
        raise RowProblem("it has no resourceType: name the type of such messages in the mapping (resource_type)")
    if kind is None:
        raise RowProblem(f"resourceType: '{written}' is no resource of ICAR ADE 1.3")
    return kind, written is not None


def _source_id(given: Message, kind: str, mapping: IcarMapping) -> str:
    meta = part(given, "meta")
    own = text(meta, "sourceId") or _id(given)
    if own is None:
        raise RowProblem("it has neither meta.sourceId nor id: it could never be corrected or taken back")
    return f"{text(meta, 'source') or mapping.source}:{kind}:{own}"


def _id(given: Message) -> str | None:
    """A resource's own id: a text, an identifier with its scheme, or the one that animals and locations have."""
    if isinstance(given.get("id"), dict):
        return "/".join(identifier(given, "id") or ())
    if "identifier" in given and given.get("id") is None:
        return "/".join(identifier(given, "identifier") or ()) or None
    return text(given, "id")
