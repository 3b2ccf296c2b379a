"""The device's bearer token: a file that only its owner can read. `herdbook.edge.keyring` rotates it."""

from __future__ import annotations

import secrets
from pathlib import Path

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.contracts.token import TOKEN_RULE, is_token
from herdbook.errors import ConfigurationError


def new_token_file(path: Path) -> None:
    """Make a token of 256 random bits, readable by its owner only; one that exists is kept."""
    if not path.exists():
        make_folder(path.parent)
        write_durably(path, (secrets.token_urlsafe(32) + "\n").encode(), mode=0o600)


def read_token(path: Path) -> str:
    """The token in a file.

    Raises:
        ConfigurationError: it is absent, readable by others, or too short to be safe.
    """
    try:
        mode = path.stat().st_mode & 0o777
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the token file {path} cannot be read: {error}") from error
    if mode & 0o077:
        raise ConfigurationError(f"the token file {path} can be read by others", f"Run: chmod 600 {path}")
    if not is_token(token):
        raise ConfigurationError(
            f"the token in {path} is not {TOKEN_RULE}",
            "Make a new one with `herdbook edge init`.",
        )
    return token
