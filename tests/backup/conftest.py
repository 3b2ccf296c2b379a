"""Lakes and registries to start from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.lakes import any_lake, empty_home, filled, filled_home, settings

__all__ = ["any_lake", "empty_home", "filled", "filled_home", "settings"]


@pytest.fixture
def postgres_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """``pg_dump`` and ``pg_restore`` of the newest server on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("PostgreSQL's client programs are not installed")
    monkeypatch.setenv("PATH", str(found[-1]), prepend=os.pathsep)
