"""What a device's bearer token looks like, on the device and on the platform."""

from __future__ import annotations

import re

TOKEN_RULE = "one line of 32 to 512 visible ASCII characters"  # noqa: S105 (a sentence)
"""A shorter one could be guessed; another character does not travel in a header."""
TOKEN_PATTERN = r"^[!-~]{32,512}$"  # noqa: S105 (what one looks like)
_TOKEN = re.compile(TOKEN_PATTERN)


def is_token(text: str) -> bool:
    """Whether a text, without the line's end, is a token."""
    return _TOKEN.fullmatch(text) is not None
