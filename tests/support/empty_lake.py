"""An empty lake for each test, copied from one that is made once: copying is ten times faster than migrating."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from herdbook.lake.migrate import migrate
from herdbook.settings import Settings


@pytest.fixture(scope="session")
def lake_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of an empty lake; not to be written to."""
    home = tmp_path_factory.mktemp("lake-template") / "home"
    migrate(Settings(home=home))
    return home


@pytest.fixture
def empty_lake(lake_template: Path, tmp_path: Path) -> Settings:
    """Settings of an empty lake of the test's own."""
    home = tmp_path / "home"
    shutil.copytree(lake_template, home)
    return Settings(home=home)
