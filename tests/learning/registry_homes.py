"""Homes with an empty registry and ledger: MLflow makes its tables once (six seconds), further homes are copies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from herdbook.learning.registry.store import open_store
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings


@pytest.fixture(scope="session")
def registry_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be written to."""
    home = tmp_path_factory.mktemp("registry-template") / "home"
    settings = Settings(home=home)
    open_store(settings)
    upgrade(settings)
    return home


@pytest.fixture(scope="session")
def make_registry(registry_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Settings]:
    """Makes homes."""

    def make() -> Settings:
        home = tmp_path_factory.mktemp("registry") / "home"
        shutil.copytree(registry_template, home)
        return Settings(home=home)

    return make
