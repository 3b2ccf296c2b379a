"""Analysts read and change nothing: not with the locked connection, not with a DuckDB of their own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

import herdbook
from herdbook.errors import AnalystRoleError, ConfigurationError, QueryError
from herdbook.lake.analysts import make_role, role_statements
from herdbook.lake.attach import CONFIG, load_extension, open_lake, quoted
from herdbook.lake.migrate import migrate
from herdbook.lake.publish import publish
from herdbook.lake.query import ask
from herdbook.settings import Settings
from support.lake_home import SPEC, load_day

READS_FILES = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('{home}/ledger.sqlite')",
    "FROM '/etc/passwd'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_json('http://127.0.0.1:9/x')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM read_parquet('{home}/../*.parquet')",
    "SELECT * FROM sqlite_scan('{home}/ledger.sqlite', 'device')",
    "SELECT * FROM query('FROM read_text(''/etc/passwd'')')",
    "SELECT getenv('HOME')",
]
CHANGES_THINGS = [
    "COPY (SELECT 1) TO '{home}/out.csv'",
    "COPY animal_day TO '/tmp/herdbook-escape.parquet'",
    "EXPORT DATABASE '{home}/out'",
    "ATTACH '{home}/other.duckdb'",
    "INSTALL httpfs",
    "LOAD '/tmp/evil.duckdb_extension'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET enable_external_access",
    "SET allowed_directories = ['/']",
    "PRAGMA enable_external_access",
    "PRAGMA temp_directory='/tmp'",
    "SET temp_directory = '/tmp'",
    "SET secret_directory = '/tmp'",
    "SET GLOBAL home_directory = '/root'",
    "CREATE SECRET (TYPE s3, KEY_ID 'x', SECRET 'y')",
    "CREATE TABLE herd.main.t AS SELECT 1",
    "DELETE FROM animal_day",
    "CALL pragma_version(); COPY (SELECT 1) TO 'x.csv'",
]


@pytest.fixture(scope="module")
def herd(filled_home: Path) -> Settings:
    settings = Settings(home=filled_home)
    publish(settings)
    return settings


@pytest.mark.parametrize("sql", READS_FILES + CHANGES_THINGS)
def test_no_way_out_of_the_published_file(herd: Settings, sql: str) -> None:
    with herdbook.connect(herd.published) as connection, pytest.raises(duckdb.Error):
        connection.execute(sql.format(home=herd.home)).fetchall()
    for lake in (False, True):
        with pytest.raises(QueryError):
            ask(herd, sql.format(home=herd.home), lake=lake)
    assert not Path("/tmp/herdbook-escape.parquet").exists()
    assert not list(herd.home.glob("out*"))


READS = [
    *("SHOW TABLES", "DESCRIBE record.bout", "SUMMARIZE record.bout", "EXPLAIN FROM animal_day", "FROM range(3)"),
    *("FROM lake.snapshots()", "FROM ducklake_table_info('lake')"),
]


@pytest.mark.parametrize("sql", READS)
def test_what_reads_is_let_through(herd: Settings, sql: str) -> None:
    assert ask(herd, sql, lake=True).rows


def test_and_the_lake_still_answers(herd: Settings) -> None:
    assert ask(herd, "SELECT count(*) > 0 FROM record.bout", lake=True).rows == [(True,)]
    assert ask(herd, "SELECT count(*) > 0 FROM animal_day", lake=True).rows == [(True,)]


@pytest.mark.parametrize(
    "sql",
    [
        "FROM ducklake_expire_snapshots('lake', versions => [0])",
        "FROM ducklake_cleanup_old_files('lake', cleanup_all => true)",
        "FROM ducklake_delete_orphaned_files('lake', cleanup_all => true)",
        "FROM ducklake_merge_adjacent_files('lake')",
        "FROM ducklake_add_data_files('lake', 'bout', '/etc/passwd')",
        "FROM ducklake_flush_inlined_data('lake')",
        "SELECT (SELECT count(*) FROM ducklake_cleanup_old_files('lake', cleanup_all => true))",
        "FROM query('FROM ducklake_clean' || 'up_old_files(''lake'', cleanup_all => true)')",
        "EXPLAIN ANALYZE FROM ducklake_cleanup_old_files('lake', cleanup_all => true)",
        "EXPLAIN /**/ ANALYZE FROM ducklake_cleanup_old_files('lake', cleanup_all => true)",
        "EXPLAIN (ANALYZE) FROM ducklake_cleanup_old_files('lake', cleanup_all => true)",
        "FROM sqlite_query('__ducklake_metadata_lake', 'DELETE FROM ducklake_snapshot RETURNING *')",
    ],
)
def test_a_table_function_that_changes_the_lake_is_none_that_reads(herd: Settings, sql: str) -> None:
    before = sorted(path for path in herd.home.rglob("*.parquet"))
    try:
        ask(herd, sql, lake=True)
    except QueryError:
        refused = True
    else:  # there was nothing for it to do, as its plan says
        refused = "merge" in sql or "flush" in sql
    assert refused
    assert sorted(path for path in herd.home.rglob("*.parquet")) == before


@pytest.fixture
def shared(tmp_path: Path, postgres_dsn: str) -> tuple[Settings, str]:
    """A lake on PostgreSQL with a day, and an analyst's way to it."""
    settings = Settings(home=tmp_path / "home", catalog=f"postgres:{postgres_dsn}")
    migrate(settings)
    load_day(settings)
    name = postgres_dsn.rpartition("=")[2]
    make_role(settings, f"readers_{name}")
    make_role(settings, f"readers_{name}")  # again, as after an upgrade
    import psycopg2

    owner = psycopg2.connect(postgres_dsn)
    owner.autocommit = True
    owner.cursor().execute(f"CREATE ROLE anna_{name} LOGIN IN ROLE readers_{name}")
    owner.close()
    return settings, postgres_dsn.replace("user=postgres", f"user=anna_{name}")


def analyst(settings: Settings, dsn: str, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """A DuckDB of the analyst's own, configured as she likes."""
    connection = duckdb.connect(config=CONFIG)
    for extension in ("ducklake", "postgres_scanner"):
        load_extension(connection, extension)
    options = [f"DATA_PATH {quoted(settings.lake_data_path)}", "OVERRIDE_DATA_PATH true"] + ["READ_ONLY"] * read_only
    connection.execute(f"ATTACH {quoted(f'ducklake:postgres:{dsn}')} AS lake ({', '.join(options)})")
    return connection


@pytest.mark.slow
def test_on_postgresql_the_role_reads_the_lake_and_every_write_fails(shared: tuple[Settings, str]) -> None:
    settings, dsn = shared
    with open_lake(settings, read_only=True) as lake:
        expected = lake.execute("SELECT count(*) FROM record.bout").fetchall()
    with analyst(settings, dsn, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM lake.record.bout").fetchall() == expected
    for write in (
        "DELETE FROM lake.record.bout",
        "INSERT INTO lake.record.bout SELECT * FROM lake.record.bout",
        "UPDATE lake.record.bout SET probability = 0",
        "DROP TABLE lake.record.bout",
        "CREATE TABLE lake.record.mine AS SELECT 1 AS a",
        "CREATE VIEW lake.mine AS SELECT 1 AS a",
        "ALTER TABLE lake.record.bout ADD COLUMN mine INTEGER",
        "CALL ducklake_expire_snapshots('lake', older_than => now())",
    ):
        with analyst(settings, dsn, read_only=False) as connection, pytest.raises(duckdb.Error):
            connection.execute(write).fetchall()
    raw = duckdb.connect(config=CONFIG)
    load_extension(raw, "postgres_scanner")
    raw.execute(f"ATTACH {quoted(dsn)} AS catalog (TYPE postgres)")
    for statement in (
        "DELETE FROM ducklake_snapshot",
        "CREATE TABLE mine (a int)",
        "CREATE TEMP TABLE mine (a int)",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "SELECT pg_read_file('/etc/passwd')",
    ):
        with pytest.raises(duckdb.Error):
            raw.execute(f"CALL postgres_execute('catalog', {quoted(statement)})")
    raw.close()
    with open_lake(settings, read_only=True) as lake:
        assert lake.execute("SELECT count(*) FROM record.bout").fetchall() == expected


@pytest.mark.slow
def test_tables_that_come_later_are_read_too(shared: tuple[Settings, str]) -> None:
    settings, dsn = shared
    load_day(settings, replace(SPEC, device_id="barn-a-2"))
    with analyst(settings, dsn, read_only=True) as connection:
        found = connection.execute("SELECT count(*) FROM lake.record.device_day").fetchall()
    assert found == [(2,)]


@pytest.mark.slow
def test_a_catalog_that_shares_its_database_is_refused(shared: tuple[Settings, str]) -> None:
    import psycopg2

    settings, _ = shared
    with psycopg2.connect(settings.catalog.removeprefix("postgres:")) as owner, owner.cursor() as cursor:
        cursor.execute("CREATE TABLE device (device_id text)")
    owner.close()
    with pytest.raises(AnalystRoleError, match="also holds device"):
        make_role(settings, "readers")


@pytest.mark.parametrize("role", ["", "Robert'); DROP", "a b", "1", 'x"', "ä"])
def test_a_role_has_a_plain_name(role: str) -> None:
    with pytest.raises(ConfigurationError):
        role_statements(role)


def test_a_catalog_in_a_file_has_no_roles(herd: Settings) -> None:
    with pytest.raises(ConfigurationError, match="file's mode"):
        make_role(herd, "readers")


def test_the_command_prints_what_it_would_run() -> None:
    command = [sys.executable, "-m", "herdbook", "lake", "analysts", "readers"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines() == [f"{statement};" for statement in role_statements("readers")]
