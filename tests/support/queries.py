"""Look into a lake from a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from herdbook.lake.attach import open_lake
from herdbook.settings import Settings

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"
"""Real reference data; a user's clone does not have it."""


def lake_rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """What the lake answers."""
    with open_lake(settings, read_only=True) as lake:
        return lake.execute(sql).fetchall()
