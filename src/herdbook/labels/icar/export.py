"""Messages out as they came in: one collection, in the order in which they arrived."""

from __future__ import annotations

import json
from datetime import datetime

from herdbook.labels.icar.document import Message
from herdbook.labels.icar.store import stored_messages
from herdbook.lake.attach import open_lake
from herdbook.settings import Settings


def collection(members: list[Message]) -> str:
    """A collection of messages as ICAR's examples have it."""
    view = {"totalItems": len(members), "totalPages": 1, "pageSize": len(members), "currentPage": 1}
    return json.dumps({"view": view, "member": members}, indent=1) + "\n"


def export_icar(settings: Settings, *, farm: str | None = None, known_as_of: datetime | None = None) -> str:
    """The messages that hold, each equal to what its source sent.

    Args:
        settings: where the lake is.
        farm: only this farm.
        known_as_of: as they were known at this instant; now when omitted.

    Raises:
        NotInitialisedError: there is no lake yet.
    """
    with open_lake(settings, read_only=True) as lake:
        found = stored_messages(lake, farm=farm, known_as_of=known_as_of)
    return collection([message for _, _, message, _ in found])
