"""One Airflow for all tests here, and an initialised Herdbook for each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from herdbook.lake.migrate import migrate
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings
from support.airflow_home import AirflowHome


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowHome]:
    """Airflow without a scheduler."""
    with AirflowHome(tmp_path_factory.mktemp("airflow")) as airflow:
        yield airflow


@pytest.fixture(scope="session")
def _initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    migrate(Settings(home=home))
    upgrade(Settings(home=home))
    return home


@pytest.fixture
def settings(_initialised: Path, tmp_path: Path) -> Settings:
    """A Herdbook with an empty lake and ledger."""
    shutil.copytree(_initialised, tmp_path / "home")
    return Settings(home=tmp_path / "home", lake_wait_s=30)
