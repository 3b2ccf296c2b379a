"""Herdbook: the record of every animal for life, written by cameras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["connect"]


def connect(path: str | Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open the published herd database for reading.

    Nothing can be written through it, and it reaches no other file.

    Args:
        path: a published database; ``$HERDBOOK_HOME/herd.duckdb`` when omitted.

    Raises:
        NotFoundError: nothing has been published there.
    """
    from herdbook.lake.published import open_published
    from herdbook.settings import get_settings

    return open_published(Path(path) if path is not None else get_settings().published)
