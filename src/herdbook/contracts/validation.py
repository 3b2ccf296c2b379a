"""What a library found wrong, as one line for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def first_problem(errors: Sequence[Mapping[str, Any]], whole: str = "") -> str:
    """Where and what is wrong first, for example ``cameras.0.fps: Input should be greater than 0``.

    Args:
        errors: ``error.errors()`` of a validation error. What was given is not repeated: it may be long, or a secret.
        whole: what to call the whole where no part of it alone is at fault.
    """
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"]) or whole
    what = str(first["msg"]).removeprefix("Value error, ")
    return one_line(f"{where}: {what}" if where else what)


def one_line(said: object, most: int = 500) -> str:
    """What a library said of something from outside, as one line that a terminal takes.

    Values from outside are quoted there: thousands of digits, or a line break that would forge a line of a log.

    Args:
        said: an error, or its text.
        most: characters; of a longer text the middle is left out.
    """
    words = " ".join(str(said).split())
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]}"
