"""Open a published herd database: read-only and locked down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from herdbook.errors import NotFoundError, StorageError
from herdbook.lake.attach import CONFIG, quoted


def open_published(path: Path) -> duckdb.DuckDBPyConnection:
    """A read-only connection to a published database that can reach no other file and cannot be unlocked.

    Each connection is an instance of its own, so that it sees the file as it is now, whoever holds an older one.

    Raises:
        NotFoundError: there is no such file.
        StorageError: the file is not a DuckDB database, or somebody wrote to it.
    """
    if not path.is_file():
        raise NotFoundError(
            f"there is no published herd database at {path}", "`herdbook publish` writes it from what is loaded."
        )
    if wal_of(path).exists():  # DuckDB would apply it to whatever file is there
        raise StorageError(
            f"{path} was opened for writing: {wal_of(path).name} lies beside it",
            "Close what writes to it, open it read-only, and let `herdbook publish` write it anew.",
        )
    connection = duckdb.connect(config=CONFIG)
    try:
        connection.execute(f"ATTACH {quoted(str(path))} AS herd (READ_ONLY)")
        connection.execute("USE herd")
        connection.execute("SET TimeZone = 'UTC'")
        lock_down(connection)
    except duckdb.Error as error:
        connection.close()
        raise StorageError(f"{path} is not a herd database: {error}", "`herdbook publish` writes it anew.") from error
    return connection


def wal_of(path: Path) -> Path:
    """Where DuckDB keeps what was written to a database but not yet into its file."""
    return path.with_name(f"{path.name}.wal")


def lock_down(connection: duckdb.DuckDBPyConnection, *, beside: Sequence[str] = ()) -> None:
    """Keep a connection to what it has attached, for good: no other file, no address, no extension, no other setting.

    It holds for the connection's whole instance, so the instance must be its own.

    Args:
        connection: with everything attached that it is to see.
        beside: folders or prefixes that it may go on reading from: those of a lake's data files.
    """
    connection.execute("SET autoload_known_extensions = false; SET autoinstall_known_extensions = false")
    if beside:
        connection.execute(f"SET allowed_directories = [{', '.join(map(quoted, beside))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
