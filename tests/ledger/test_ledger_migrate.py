"""The migrations are the models; an upgrade is safe to repeat and to run twice at once."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from herdbook.errors import ConfigurationError, NotInitialisedError, StorageError
from herdbook.ledger import rollouts  # noqa: F401 - its tables are of the same metadata
from herdbook.ledger.engine import ledger_engine
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import Base, Device
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

CHECKS = {
    "ck_device_day_state",
    "ck_footage_clip_state",
    "ck_promotion_action",
    "ck_rollout_phase",
    "ck_rollout_wave_phase",
    "ck_rollout_device_phase",
    "ck_review_item_reason",
    "ck_review_item_state",
}


def postgres_url(dsn: str) -> str:
    """A libpq connection string of socket, user and database as a URL."""
    parts = dict(part.split("=", 1) for part in dsn.split())
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={parts['host']}"


def differences(settings: Settings) -> list[object]:
    with ledger_engine(settings).connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), Base.metadata)


def check_constraints(settings: Settings) -> set[str | None]:
    inspector = inspect(ledger_engine(settings))
    return {check["name"] for table in inspector.get_table_names() for check in inspector.get_check_constraints(table)}


def test_migrations_make_the_models(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    upgrade(settings)
    assert differences(settings) == []
    assert check_constraints(settings) == CHECKS


def test_migrations_make_the_models_on_postgresql(postgres_dsn: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, ledger_url=postgres_url(postgres_dsn))
    with pytest.raises(NotInitialisedError), ledger_session(settings):
        pass
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: upgrade(settings), range(4)))
    assert differences(settings) == []
    assert check_constraints(settings) == CHECKS
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    with ledger_session(settings) as session:
        site = {"farm_id": "demo-farm", "url": "http://localhost", "timezone": "UTC"}
        session.add(Device(device_id="barn-a-1", **site, retired_at=moment))
    with ledger_session(settings) as session:
        found = session.get_one(Device, "barn-a-1").retired_at
    assert found == moment
    assert found is not None
    assert found.utcoffset() == timedelta(0)


def test_upgrading_again_changes_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    upgrade(settings)
    with ledger_session(settings) as session:
        session.execute(text("INSERT INTO device VALUES ('d', 'f', 'http://d', 'UTC', NULL, '2026-01-01', NULL)"))
    upgrade(settings)
    with ledger_session(settings) as session:
        assert session.scalar(text("SELECT count(*) FROM device")) == 1


def test_upgrades_at_once_wait_for_each_other(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: upgrade(settings), range(4)))
    assert differences(settings) == []


def test_a_ledger_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotInitialisedError, match="no ledger"), ledger_session(Settings(home=tmp_path)):
        pass
    assert not list(tmp_path.iterdir()), "asking does not create it"


def test_an_empty_database_is_not_a_ledger(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "ledger.sqlite").close()
    with pytest.raises(NotInitialisedError, match="not been created"), ledger_session(Settings(home=tmp_path)):
        pass


def test_another_versions_schema_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    upgrade(settings)
    with ledger_engine(settings).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NotInitialisedError, match="9999"), ledger_session(settings):
        pass


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_text("not a database, but a text of some length " * 10)
    with pytest.raises(StorageError, match="database"), ledger_session(Settings(home=tmp_path)):
        pass


@pytest.mark.parametrize("url", ["mysql://somewhere/x", "no url", "postgresql://u:hunter2@host:port/x"])
def test_other_databases_are_refused_without_repeating_a_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError) as caught, ledger_session(Settings(home=tmp_path, ledger_url=url)):
        pass
    assert "hunter2" not in caught.value.message
