"""JSON as farms' systems send it: one message, a collection (``member``), or a list of changes with a token behind.

Strict where a lax reader would lose something silently: a key that occurs twice, a number that is none or that no
double holds, text in another encoding. What is read is written again to the same values.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, NoReturn

from herdbook.contracts.validation import one_line
from herdbook.errors import FileFormatError

Message = dict[str, Any]

_CONTEXT, _CONTINUATION = "@context", "@continuation"


@dataclass(frozen=True)
class Document:
    """The messages of a document, in their order."""

    messages: tuple[Any, ...]
    """Objects, if all is well; what is none is kept for its reason to be said."""
    token: str | None = None
    """What to ask for more with."""


def parse_document(raw: bytes, origin: str) -> Document:
    """Read a document.

    Args:
        raw: its bytes; UTF-8, with or without its mark.
        origin: how messages call it: a file's name, or an address.

    Raises:
        FileFormatError: it is empty, not JSON, or neither a message nor a list of messages.
    """
    if not raw.strip():
        raise FileFormatError(f"{origin} is empty")
    try:
        found = json.loads(
            raw.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite
        )
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{origin} is not UTF-8 text: {error}") from error
    except RecursionError as error:
        raise FileFormatError(f"{origin} is nested too deeply") from error
    except ValueError as error:
        raise FileFormatError(f"{origin} is not JSON: {one_line(error)}") from error
    if isinstance(found, dict) and "member" in found:
        if not isinstance(found["member"], list):
            raise FileFormatError(f"{origin}: 'member' is not a list")
        return Document(tuple(found["member"]))
    if isinstance(found, dict):
        return Document((found,))
    if isinstance(found, list):
        return _changes(found, origin)
    raise FileFormatError(f"{origin} is neither a message nor a collection of messages")


def body_text(message: Message) -> str:
    """A message as text. Pure ASCII: a lone half of a character pair survives, which UTF-8 cannot hold."""
    return json.dumps(message, ensure_ascii=True, separators=(",", ":"))


def _changes(found: list[Any], origin: str) -> Document:
    """A list of changes: the first object may be a context, the last one the token."""
    messages = [m for m in found if not (isinstance(m, dict) and m.get("id") == _CONTEXT and "resourceType" not in m)]
    last = messages[-1] if messages else None
    if not (isinstance(last, dict) and last.get("id") == _CONTINUATION and "resourceType" not in last):
        return Document(tuple(messages))
    token = last.get("token")
    if not isinstance(token, str) or not token:
        raise FileFormatError(f"{origin}: the continuation has no token")
    return Document(tuple(messages[:-1]), token)


def _once(pairs: list[tuple[str, Any]]) -> Message:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key '{next(k for k in keys if keys.count(k) > 1)}' occurs twice in one object")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is larger than any number here")
    return number
