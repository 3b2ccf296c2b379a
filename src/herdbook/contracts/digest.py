"""The digest that files are named, asked for and trusted by."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, lower-case hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_bytes(content: bytes) -> str:
    """SHA-256 of bytes, lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()
