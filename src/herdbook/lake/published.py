"""Open a published herd database: read-only and locked down."""

from __future__ import annotations

from pathlib import Path

import duckdb

from herdbook.errors import NotFoundError, StorageError


def open_published(path: Path) -> duckdb.DuckDBPyConnection:
    """A read-only connection to a published database that can reach no other file and cannot be unlocked.

    Raises:
        NotFoundError: there is no such file.
        StorageError: the file is not a DuckDB database.
    """
    if not path.is_file():
        raise NotFoundError(
            f"there is no published herd database at {path}", "`herdbook lake publish` writes it from what is loaded."
        )
    try:
        connection = duckdb.connect(str(path), read_only=True)
        connection.execute("SET TimeZone = 'UTC'; SET enable_external_access = false; SET lock_configuration = true")
    except duckdb.Error as error:
        raise StorageError(f"{path} is not a herd database: {error}", "Publish it again.") from error
    return connection
