"""Settings come from the environment, once, and a wrong one is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from herdbook.errors import ConfigurationError
from herdbook.settings import Settings, get_settings


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_everything_lives_under_home_by_default(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    places = [settings.published, settings.landing, settings.footage, settings.quarantine, settings.secrets]
    assert all(place.is_relative_to(tmp_path) for place in places)
    assert str(tmp_path) in settings.lake_catalog
    assert str(tmp_path) in settings.ledger_database_url


def test_production_differs_only_in_what_it_attaches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERDBOOK_CATALOG", "postgres:dbname=lake")
    monkeypatch.setenv("HERDBOOK_LEDGER_URL", "postgresql+psycopg2:///ledger")
    assert get_settings().lake_catalog == "postgres:dbname=lake"
    assert get_settings().ledger_database_url == "postgresql+psycopg2:///ledger"


def test_home_is_absolute_wherever_the_process_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HERDBOOK_HOME", "state")
    monkeypatch.chdir(tmp_path)
    assert get_settings().home == tmp_path / "state"


def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERDBOOK_PARALLEL_FILES", "many")
    with pytest.raises(ConfigurationError, match="HERDBOOK_PARALLEL_FILES"):
        get_settings()


def test_settings_cannot_be_changed_in_flight(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Settings(home=tmp_path).home = tmp_path / "elsewhere"  # type: ignore[misc]
