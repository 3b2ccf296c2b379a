"""Single fields of a message: of the type that the schema says, absent, or a reason why the message is refused."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from typing import Any

from herdbook.labels.cells import MAX_TEXT, RowProblem
from herdbook.labels.icar.document import Message
from herdbook.roster.moments import Moment, parse_moment


def text(message: Message, key: str) -> str | None:
    """A text; blank is absent. The farms of 1.3 send numbers where texts are due: they count as written.

    Raises:
        RowProblem: it is an object or a list, too long, or holds what is no character.
    """
    given = message.get(key)
    if given is None:
        return None
    if isinstance(given, bool | dict | list):
        raise RowProblem(f"{key}: is not a text")
    found = str(given).strip()
    if len(found) > MAX_TEXT:
        raise RowProblem(f"{key}: {len(found)} characters, at most {MAX_TEXT} are read")
    if "\0" in found or any("\ud800" <= c <= "\udfff" for c in found):
        raise RowProblem(f"{key}: holds what is no character")
    return found or None


def number(message: Message, key: str) -> float | None:
    """A number.

    Raises:
        RowProblem: it is something else.
    """
    given = message.get(key)
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) < math.inf:
        raise RowProblem(f"{key}: is not a number")
    try:
        return float(given)
    except OverflowError as error:
        raise RowProblem(f"{key}: is larger than any number here") from error


def part(message: Message, key: str) -> Message:
    """An object within; empty where it is absent.

    Raises:
        RowProblem: it is something else.
    """
    given = message.get(key)
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise RowProblem(f"{key}: is not an object")
    return given


def parts(message: Message, key: str) -> list[Message]:
    """A list of objects within; empty where it is absent.

    Raises:
        RowProblem: it is something else.
    """
    given = message.get(key)
    if given is None:
        return []
    if not isinstance(given, list) or any(not isinstance(one, dict) for one in given):
        raise RowProblem(f"{key}: is not a list of objects")
    return given


def identifier(message: Message, key: str = "animal") -> tuple[str, str] | None:
    """Scheme and id of an identifier; none where it is absent.

    Raises:
        RowProblem: half of it is missing.
    """
    given: Any = part(message, key)
    if not given:
        return None
    scheme, name = text(given, "scheme"), text(given, "id")
    if scheme is None or name is None:
        raise RowProblem(f"{key}: an identifier has a scheme and an id")
    return scheme, name


def moment(message: Message, key: str) -> Moment | None:
    """A time as written. A midnight without a zone is what systems write that know the day only: the day.

    Raises:
        RowProblem: it is no RFC 3339 time or date.
    """
    written = text(message, key)
    if written is None:
        return None
    try:
        found = parse_moment(written)
    except ValueError as error:
        raise RowProblem(f"{key}: {error}") from error
    if isinstance(found, datetime) and found.tzinfo is None and found.time() == time.min:
        return found.date()
    return found


def has_no_zone(found: Moment | None) -> bool:
    """Whether a time leaves its zone to the farm."""
    return isinstance(found, date) and (not isinstance(found, datetime) or found.tzinfo is None)
