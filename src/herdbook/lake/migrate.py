"""Bring the lake to this version: create what is missing, renew views and macros, refuse a newer lake."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime
from importlib.metadata import version

import duckdb

from herdbook.contracts.ethogram import all_ethograms
from herdbook.errors import NotInitialisedError, StorageError
from herdbook.lake import transaction
from herdbook.lake.definitions import KNOWN, Kind, definitions, known_views, of_kind
from herdbook.settings import Settings

LAKE_VERSION = 7
"""Raised whenever a table changes; `UPGRADES` then says how older lakes follow."""

UPGRADES: dict[int, tuple[str, ...]] = {
    # A label's id names its farm too: two farms may use one source. Each matching of a load is recorded.
    2: (
        "UPDATE label.label SET label_id = left(sha256(farm_id || chr(0) || source || chr(0) || source_id), 32)",
        "INSERT INTO identity.run SELECT run_id, load_id, count(*), count(*), max(recorded_at)"
        " FROM identity.claim GROUP BY run_id, load_id",
    ),
    3: (),  # record.reading is new
    4: (),  # alert.alert is new
    5: (),  # bridge.* are new
    6: (),  # label.message, label.sync and sensor.reading are new
    7: (),  # identity.operation and identity.decision are new
}
"""Statements that take a lake of version ``key - 1`` to version ``key``, once the tables that it lacks are made."""


def migrate(settings: Settings, *, create: bool = True) -> int:
    """Create the lake or bring it up to date; changes nothing when it is.

    Args:
        settings: where the lake is, and what its views read.
        create: make the lake where there is none.

    Returns:
        The lake's version.

    Raises:
        NotInitialisedError: there is no lake, and ``create`` is not set.
        StorageError: the lake is of a newer Herdbook.
    """
    return transaction.write(settings, lambda lake: _migrate(lake, settings), create=create)


def settings_macros(settings: Settings) -> tuple[str, ...]:
    """Settings that views read, as macros: a snapshot of the lake keeps the values it was made with."""
    return (f"CREATE OR REPLACE MACRO identity_threshold() AS CAST({settings.identity_threshold!r} AS FLOAT)",)


def create_tables(database: duckdb.DuckDBPyConnection) -> None:
    """Create the schemas and tables that are missing from the connection's database."""
    tables = of_kind(Kind.TABLE)
    for schema in sorted({d.schema for d in tables}):
        database.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    found = database.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = current_database()"
    )
    present = {row[0] for row in found.fetchall()}
    for table in tables:
        if table.qualified not in present:
            database.execute(table.sql)


def create_people(database: duckdb.DuckDBPyConnection, settings: Settings, *, leave_out: Collection[str] = ()) -> None:
    """Create or renew the views and macros that people use, but for some names."""
    for statement in settings_macros(settings):
        database.execute(statement)
    for definition in of_kind(Kind.VIEW, Kind.MACRO):
        if definition.name not in leave_out:
            database.execute(definition.sql)
    database.execute(f"CREATE SCHEMA IF NOT EXISTS {KNOWN}")
    for name, statement in known_views().items():
        if name not in leave_out:
            database.execute(statement)


def lake_version(lake: duckdb.DuckDBPyConnection) -> int | None:
    """The version of an open lake, or none when it is empty."""
    row = _last_migration(lake)
    return None if row is None else row[0]


def require_current(lake: duckdb.DuckDBPyConnection) -> None:
    """Raise unless the lake is of this version.

    Raises:
        NotInitialisedError: the lake is empty or older.
        StorageError: the lake is of a newer Herdbook.
    """
    found = lake_version(lake)
    if found is None or found < LAKE_VERSION:
        raise NotInitialisedError(f"the lake has version {found or 0}, this Herdbook needs {LAKE_VERSION}")
    _refuse_newer(found)


def _migrate(lake: duckdb.DuckDBPyConnection, settings: Settings) -> int:
    last = _last_migration(lake)
    digest = definitions_digest(settings)
    if last is not None:
        _refuse_newer(last[0])
        if last == (LAKE_VERSION, digest):
            return LAKE_VERSION
    create_tables(lake)
    if last is not None:
        for step in range(last[0] + 1, LAKE_VERSION + 1):
            for statement in UPGRADES[step]:
                lake.execute(statement)
    create_people(lake, settings)
    lake.execute("CALL lake.set_option('parquet_compression', 'zstd')")  # a fifth smaller than snappy, no slower
    _fill_ethograms(lake)
    lake.execute(
        "INSERT INTO meta.version VALUES (?, ?, ?, ?)", [LAKE_VERSION, digest, version("herdbook"), datetime.now(UTC)]
    )
    return LAKE_VERSION


def _last_migration(lake: duckdb.DuckDBPyConnection) -> tuple[int, str] | None:
    try:
        return lake.execute("SELECT version, digest FROM meta.version ORDER BY migrated_at DESC LIMIT 1").fetchone()
    except duckdb.CatalogException:  # an empty lake
        return None


def _refuse_newer(found: int) -> None:
    if found > LAKE_VERSION:
        raise StorageError(
            f"the lake has version {found}, this Herdbook knows up to {LAKE_VERSION}", "Install a newer Herdbook."
        )


def definitions_digest(settings: Settings) -> str:
    """What a lake made of these definitions and settings is recognised by."""
    texts = [d.sql for d in definitions()] + list(known_views().values())
    texts += [*settings_macros(settings), repr(all_ethograms())]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _fill_ethograms(lake: duckdb.DuckDBPyConnection) -> None:
    now = datetime.now(UTC)
    known = set(lake.execute("SELECT DISTINCT ethogram_id, version FROM record.ethogram").fetchall())
    for e in all_ethograms():
        if (e.ethogram_id, e.version) not in known:
            rows = [(e.ethogram_id, b.name, b.posture.value, e.species, e.version, now) for b in e.behaviours]
            lake.executemany("INSERT INTO record.ethogram VALUES (?, ?, ?, ?, ?, ?)", rows)
