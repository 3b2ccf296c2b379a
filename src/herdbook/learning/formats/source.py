"""Reading a file that a user named: whatever goes wrong is said with the file's name."""

from __future__ import annotations

from pathlib import Path

from herdbook.errors import FileFormatError, InputError, NotFoundError

_NOTHING = b"\x00 \t\r\n\v\f\xef\xbb\xbf"
"""White space, zeros and the byte order mark: a file of nothing else is empty."""


def read_bytes(path: Path, limit: int = -1) -> bytes:
    """A file's content, or its first ``limit`` bytes.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, or is not a plain file.
        FileFormatError: it is empty.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is not a file", "Name the file itself.")
        with path.open("rb") as stream:
            content = stream.read(limit)
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}", "Check the path.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if not content.strip(_NOTHING):
        raise FileFormatError(f"{path} is empty", "Export it again: it says nothing.")
    return content


def read_text(path: Path) -> str:
    """A text file's content, UTF-8 with or without a byte order mark.

    Raises:
        NotFoundError, InputError: as `read_bytes`.
        FileFormatError: it is empty or not UTF-8 text.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is not a text file (byte {error.start} is not UTF-8)") from error
