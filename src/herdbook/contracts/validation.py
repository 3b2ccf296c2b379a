"""What pydantic found, as one line for people."""

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
    return f"{where}: {what}" if where else what
