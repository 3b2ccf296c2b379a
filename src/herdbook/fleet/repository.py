"""Where the signed repository lies, for those who need nothing else of it: this imports no library of signatures."""

from __future__ import annotations

from pathlib import Path

from herdbook.errors import NotInitialisedError
from herdbook.settings import Settings


def repository_folder(settings: Settings) -> Path:
    """The folder that is served: ``metadata/`` and ``targets/``."""
    return settings.releases / "repository"


def is_signed(settings: Settings) -> bool:
    """Whether there is a signed repository."""
    return (repository_folder(settings) / "metadata" / "timestamp.json").is_file()


def newest_root(settings: Settings) -> Path:
    """The root of trust that devices are given.

    Raises:
        NotInitialisedError: there is none.
    """
    found = list((repository_folder(settings) / "metadata").glob("*.root.json"))
    if not found:
        raise NotInitialisedError("there is no root of trust yet", "Make one with `herdbook fleet trust init`.")
    return max(found, key=lambda path: int(path.name.partition(".")[0]))
