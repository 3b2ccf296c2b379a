"""How the ledger's database is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from herdbook.contracts.database_server import is_away, wait_for_server
from herdbook.errors import ConfigurationError, DatabaseAwayError, DiskFullError, StorageError
from herdbook.settings import Settings

BUSY_TIMEOUT_S = 60


def ledger_engine(settings: Settings) -> Engine:
    """The engine of the configured ledger. It holds no connection between uses, so it survives a fork.

    Raises:
        ConfigurationError: the URL is not one of SQLite or PostgreSQL.
    """
    return _engine(settings.ledger_database_url)


@cache
def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend not in ("sqlite", "postgresql"):
            raise ConfigurationError(f"HERDBOOK_LEDGER_URL: '{backend}' is neither sqlite nor postgresql")
        if backend == "sqlite":
            engine = create_engine(parsed, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_S})
            _prepare_sqlite(engine)
            return engine
        parsed = parsed.set(drivername="postgresql+psycopg2")
        return create_engine(parsed, poolclass=NullPool, connect_args={"connect_timeout": 10})
    except (ArgumentError, ValueError) as error:
        # The URL may hold a password: it is not repeated.
        raise ConfigurationError("HERDBOOK_LEDGER_URL is not a database URL") from error


def sqlite_file(engine: Engine) -> Path | None:
    """The file of an SQLite ledger, or none for PostgreSQL."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return None
    return Path(engine.url.database)


@contextmanager
def storage_errors_are_said() -> Iterator[None]:
    """Turn a database that cannot be opened, is locked or broken into a `StorageError`; our own mistakes pass."""
    try:
        yield
    except DatabaseError as error:
        if isinstance(error, OperationalError) or type(error) is DatabaseError:
            if _is_full(error.orig):
                raise DiskFullError("no space left for the ledger") from error
            away = is_away(str(error.orig)) and not isinstance(error.orig, sqlite3.Error)
            raise (DatabaseAwayError if away else StorageError)(f"the ledger cannot be used: {error.orig}") from error
        raise


def connect(engine: Engine, patience_s: float) -> Connection:
    """A connection to the ledger; close it. A server that is away is waited for.

    Raises:
        DatabaseAwayError: it stayed away.
        StorageError: the database cannot be opened.
    """

    def once() -> Connection:
        with storage_errors_are_said():
            return engine.connect()

    return wait_for_server(once, patience_s)


def _is_full(error: BaseException | None) -> bool:
    sqlite = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return sqlite or getattr(error, "pgcode", None) == "53100"  # PostgreSQL's disk_full


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy begins transactions, not the driver.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    # Taking the write lock at once makes waiting writers wait; a reader that turns writer would fail without waiting.
    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
