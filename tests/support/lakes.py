"""Lakes on each catalog. What many tests start from is made once and copied: paths in a catalog are relative."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from herdbook.lake.attach import kept_open
from herdbook.lake.migrate import migrate
from herdbook.settings import Settings
from support.lake_home import fill_lake


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an empty lake on SQLite, to be copied."""
    home = tmp_path_factory.mktemp("empty") / "home"
    migrate(Settings(home=home))
    return home


@pytest.fixture(scope="session")
def filled_home(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a lake with a roster and two claimed days, to be copied."""
    home = tmp_path_factory.mktemp("filled") / "home"
    shutil.copytree(empty_home, home)
    fill_lake(Settings(home=home), 2)
    return home


@pytest.fixture
def settings(empty_home: Path, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an empty lake on SQLite, kept open."""
    shutil.copytree(empty_home, tmp_path / "home")
    settings = Settings(home=tmp_path / "home")
    with kept_open():
        yield settings


@pytest.fixture
def filled(filled_home: Path, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a lake with a roster and two claimed days, kept open."""
    shutil.copytree(filled_home, tmp_path / "home")
    settings = Settings(home=tmp_path / "home")
    with kept_open():
        yield settings


@pytest.fixture(params=["sqlite", "postgres"])
def any_lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """An empty lake, on SQLite and on PostgreSQL in turn, kept open."""
    if request.param == "sqlite":
        yield request.getfixturevalue("settings")
        return
    settings = Settings(home=tmp_path / "home", catalog=f"postgres:{request.getfixturevalue('postgres_dsn')}")
    migrate(settings)
    with kept_open():
        yield settings
