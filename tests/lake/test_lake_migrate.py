"""A lake is made once, renewed when definitions change, and never downgraded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from herdbook.contracts.ethogram import all_ethograms
from herdbook.errors import NotInitialisedError, StorageError
from herdbook.labels.facts import label_id
from herdbook.lake.attach import open_lake
from herdbook.lake.definitions import definitions
from herdbook.lake.migrate import LAKE_VERSION, migrate
from herdbook.lake.rows import insert_rows
from herdbook.lake.transaction import write
from herdbook.settings import Settings


def snapshots(settings: Settings) -> int:
    with open_lake(settings, read_only=True) as lake:
        return lake.execute("SELECT max(snapshot_id) FROM lake.snapshots()").fetchone()[0]


def test_every_definition_is_in_the_lake(any_lake: Settings) -> None:
    with open_lake(any_lake, read_only=True) as lake:
        present = {
            row[0]
            for row in lake.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'lake'"
                " UNION SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE database_name = 'lake'"
                " UNION SELECT schema_name || '.' || function_name FROM duckdb_functions()"
                " WHERE database_name = 'lake'"
            ).fetchall()
        }
    assert {d.qualified for d in definitions()} <= present


def test_migrating_again_changes_nothing(any_lake: Settings) -> None:
    before = snapshots(any_lake)
    assert migrate(any_lake) == LAKE_VERSION
    assert snapshots(any_lake) == before


def test_a_changed_setting_reaches_the_views(any_lake: Settings) -> None:
    stricter = any_lake.model_copy(update={"identity_threshold": 0.9})
    migrate(stricter)
    with open_lake(stricter, read_only=True) as lake:
        assert lake.execute("SELECT identity_threshold()").fetchone()[0] == pytest.approx(0.9)


def test_every_ethogram_is_there_once(any_lake: Settings) -> None:
    migrate(any_lake.model_copy(update={"identity_threshold": 0.9}))
    with open_lake(any_lake, read_only=True) as lake:
        rows = lake.execute("SELECT ethogram_id, behaviour, posture FROM record.ethogram").fetchall()
    assert sorted(rows) == sorted(
        (e.ethogram_id, b.name, b.posture.value) for e in all_ethograms() for b in e.behaviours
    )


def test_a_newer_lake_is_refused(any_lake: Settings) -> None:
    write(any_lake, lambda lake: lake.execute("INSERT INTO meta.version VALUES (99, '', '9', now())"))
    with pytest.raises(StorageError, match="version 99"):
        migrate(any_lake)


def test_labels_of_an_older_lake_are_named_by_their_farm_too(any_lake: Settings) -> None:
    """Two farms had one source and one number: version 1 took them for one label."""
    label = {"label_id": "same", "animal_id": "a", "kind": "weight", "source": "s", "source_id": "7", "import_id": "i"}
    times = dict.fromkeys(("occurred_by", "recorded_at", "received_at"), datetime(2026, 3, 2, tzinfo=UTC))
    older = {"version": 1, "digest": "", "herdbook_version": "0", "migrated_at": datetime(2100, 1, 1, tzinfo=UTC)}

    def age(lake: duckdb.DuckDBPyConnection) -> None:
        insert_rows(lake, "label.label", [label | times | {"farm_id": f, "retracted": False} for f in ("hill", "dale")])
        insert_rows(lake, "meta.version", [older])

    write(any_lake, age)
    migrate(any_lake)
    with open_lake(any_lake, read_only=True) as lake:
        found = dict(lake.execute("SELECT farm_id, label_id FROM label_current").fetchall())
    assert found == {farm: label_id(farm, "s", "7") for farm in ("hill", "dale")}


def test_several_may_migrate_at_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: migrate(settings), range(4))) == {LAKE_VERSION}
    assert snapshots(settings) == 1


def test_a_lake_that_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotInitialisedError, match="no lake"):
        open_lake(Settings(home=tmp_path))
    with pytest.raises(NotInitialisedError, match="no lake"):
        write(Settings(home=tmp_path), lambda _: None)
    assert not list(tmp_path.iterdir())


def test_an_empty_postgres_database_is_no_lake(tmp_path: Path, postgres_dsn: str) -> None:
    with pytest.raises(NotInitialisedError, match="no lake"):
        open_lake(Settings(home=tmp_path, catalog=f"postgres:{postgres_dsn}"))


def test_an_unreachable_catalog_does_not_show_its_password(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, catalog="postgres:host=/nowhere dbname=x password=geheim", database_wait_s=0.2)
    with pytest.raises(StorageError) as caught:
        open_lake(settings)
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None
