"""The ledger's schema, brought up to date by the migrations that are shipped with the package."""

from __future__ import annotations

from functools import cache
from importlib import resources

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from herdbook.errors import NotInitialisedError
from herdbook.ledger.engine import connect, ledger_engine, sqlite_file, storage_errors_are_said
from herdbook.settings import Settings

_LOCK = 0x4845_5244  # "HERD": one upgrade at a time on PostgreSQL; SQLite's write lock does it there.


def upgrade(settings: Settings) -> None:
    """Create the ledger or bring it up to date, in one transaction; does nothing where it is.

    Raises:
        StorageError: the database cannot be opened.
    """
    engine = ledger_engine(settings)
    if (file := sqlite_file(engine)) is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    with connect(engine, settings.database_wait_s) as connection, storage_errors_are_said(), connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_current(connection: Connection) -> None:
    """Check that the ledger has the schema this version was written for.

    Raises:
        NotInitialisedError: it has none, or an older or newer one.
    """
    found = MigrationContext.configure(connection).get_current_revision()
    if found is None:
        raise NotInitialisedError("the ledger has not been created yet")
    if found != _head():
        raise NotInitialisedError(f"the ledger is at version {found}, this Herdbook needs {_head()}")


def _config() -> Config:
    config = Config()
    folder = str(resources.files("herdbook.ledger") / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@cache
def _head() -> str:
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "the package ships migrations"
    return head
