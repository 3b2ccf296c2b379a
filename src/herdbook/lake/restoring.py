"""A note in the home while a backup is brought back into it: nobody else writes before the stores are what they were.

Until then the same restore may begin again and overwrite them. Then it overwrites nothing more, and writers may go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from herdbook.contracts.durable import fsync_path, write_durably
from herdbook.errors import StorageError
from herdbook.settings import Settings

_FILLED = "filled"


@dataclass(frozen=True)
class Restoring:
    """A restore that has not ended."""

    digest: str
    """Sum of the backup's manifest."""
    filled: bool = False
    """Whether folders and databases are back, and only what brings them up to date is left."""


def unfinished(settings: Settings) -> Restoring | None:
    """What is noted, if anything is."""
    try:
        digest, _, phase = _note(settings).read_text().partition(" ")
    except FileNotFoundError:
        return None
    return Restoring(digest, phase == _FILLED)


def note(settings: Settings, restoring: Restoring | None) -> None:
    """Note how far a restore is, for good; none where it has ended."""
    if restoring is None:
        _note(settings).unlink()
        fsync_path(settings.home)
    else:
        text = f"{restoring.digest} {_FILLED}" if restoring.filled else restoring.digest
        write_durably(_note(settings), text.encode())


def require_filled(settings: Settings) -> None:
    """Raise while a restore into this home would overwrite what is written now.

    Raises:
        StorageError: it would.
    """
    found = unfinished(settings)
    if found is not None and not found.filled:
        raise StorageError(
            f"a backup is being restored into {settings.home}, or its restore was interrupted",
            "Run the same `herdbook restore` again, and let it end; nothing was written.",
        )


def _note(settings: Settings) -> Path:
    return settings.home / ".restoring"
