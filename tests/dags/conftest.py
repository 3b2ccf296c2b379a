"""An Airflow per test, copied from one whose database was made once; Herdbook's state beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from herdbook.lake.migrate import migrate
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings
from support.airflow_home import AirflowHome


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> AirflowHome:
    folder = tmp_path_factory.mktemp("airflow")
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    migrate(settings)
    upgrade(settings)
    home = AirflowHome(folder, settings)
    home.python("-m", "airflow", "db", "migrate")
    return home


@pytest.fixture
def airflow(made_once: AirflowHome, tmp_path: Path) -> AirflowHome:
    """An initialised Herdbook and Airflow."""
    shutil.copytree(made_once.folder, tmp_path / "airflow")
    shutil.copytree(made_once.settings.home, tmp_path / "home")
    return AirflowHome(tmp_path / "airflow", Settings(home=tmp_path / "home", lake_wait_s=30))
