"""A lake on each catalog."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.lake.migrate import migrate
from herdbook.settings import Settings


@pytest.fixture(params=["sqlite", "postgres"])
def any_lake(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An empty lake, on SQLite and on PostgreSQL in turn."""
    catalog = "" if request.param == "sqlite" else f"postgres:{request.getfixturevalue('postgres_dsn')}"
    settings = Settings(home=tmp_path / "home", catalog=catalog)
    migrate(settings)
    return settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an empty lake on SQLite."""
    settings = Settings(home=tmp_path / "home")
    migrate(settings)
    return settings
