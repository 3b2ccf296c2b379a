"""Settings come from the environment, once, and a wrong one is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
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


@pytest.mark.parametrize("given", ["much", "80%", "4", "4GiB'; --"])
def test_a_share_of_memory_has_a_unit(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("HERDBOOK_QUERY_MEMORY", given)
    with pytest.raises(ConfigurationError, match="HERDBOOK_QUERY_MEMORY"):
        get_settings()


@pytest.mark.parametrize("name", ["Mars/Olympus", "europe-london", "../etc/passwd", ""])
def test_a_night_is_in_a_time_zone_that_exists(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HERDBOOK_NIGHT_TIMEZONE", name)
    with pytest.raises(ConfigurationError, match="HERDBOOK_NIGHT_TIMEZONE"):
        get_settings()


def test_a_file_may_hold_settings_and_the_environment_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "env").write_text("# ours\nHERDBOOK_NIGHT_AT=02:30\nexport HERDBOOK_RETRIES=1\n")
    monkeypatch.setenv("HERDBOOK_ENV_FILE", str(tmp_path / "env"))
    monkeypatch.setenv("HERDBOOK_RETRIES", "2")
    assert get_settings().night_at == time(2, 30)
    assert get_settings().retries == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"HERDBOOK_NIGTH_AT=02:30\n", "HERDBOOK_NIGTH_AT is not a setting"),
        (b"HERDBOK_NIGHT_AT=02:30\n", "HERDBOK_NIGHT_AT is not a setting"),
        (b"HERDBOOK_RETRIES=many\n", "HERDBOOK_RETRIES"),
    ],
    ids=["missing", "not text", "misspelt", "misspelt prefix", "wrong value"],
)
def test_a_file_of_settings_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "env").write_bytes(content)
    monkeypatch.setenv("HERDBOOK_ENV_FILE", str(tmp_path / "env"))
    with pytest.raises(ConfigurationError, match=says):
        get_settings()


def test_settings_cannot_be_changed_in_flight(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Settings(home=tmp_path).home = tmp_path / "elsewhere"  # type: ignore[misc]
