"""Databases in a backup: a SQLite file as it is at one moment, a PostgreSQL database as ``pg_dump`` writes it.

A password goes to PostgreSQL's programs through a file that only their user may read, never on their command line.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from herdbook.contracts.durable import fsync_path, make_folder, replace_durably
from herdbook.errors import MissingDependencyError, StorageError
from herdbook.lake.attach import redact

_TABLES = """
SELECT count(*) FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
"""


@dataclass(frozen=True)
class Database:
    """A database of a home: ``sqlite`` with its file, or ``postgres`` with its connection string or URL."""

    kind: str
    target: str

    @property
    def file(self) -> Path | None:
        """The file where it is one."""
        return Path(self.target) if self.kind == "sqlite" else None

    @property
    def suffix(self) -> str:
        """Of its file in a backup."""
        return ".sqlite" if self.kind == "sqlite" else ".dump"

    def same_as(self, other: Database) -> bool:
        """Whether both are one database, under whatever user."""
        return self.kind == other.kind and self._address() == other._address()

    def _address(self) -> tuple[object, ...]:
        if self.file is not None:
            return (self.file.absolute(),)
        from psycopg2.extensions import parse_dsn  # type: ignore[import-untyped]

        parts = parse_dsn(self.target)
        return tuple(parts.get(name) for name in ("host", "hostaddr", "port", "dbname", "service"))

    def __str__(self) -> str:
        """How it may be shown: without a password."""
        return f"{self.kind}:{redact(self.target)}"


def copy_out(database: Database, target: Path) -> bool:
    """Write a consistent copy, others writing meanwhile or not; false where a SQLite file is not there.

    Raises:
        StorageError: it cannot be read.
        MissingDependencyError: PostgreSQL's ``pg_dump`` is not installed.
    """
    if database.file is None:
        _postgres("pg_dump", database.target, ["--format=custom", f"--file={target}"])
    elif database.file.is_file():
        copy_sqlite(database.file, target)
    else:
        return False
    fsync_path(target)
    return True


def put_back(database: Database, source: Path) -> None:
    """Fill a database from a copy, whole or not at all; what an interrupted call left is replaced.

    Raises:
        StorageError: it cannot be written.
        MissingDependencyError: PostgreSQL's ``pg_restore`` is not installed.
    """
    if database.file is None:
        how = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--clean", "--if-exists"]
        _postgres("pg_restore", database.target, [*how, str(source)])
        return
    file = database.file
    make_folder(file.parent)
    part = file.with_name(f".{file.name}.part")
    for left in (part, *(file.with_name(file.name + end) for end in ("", "-wal", "-shm"))):
        left.unlink(missing_ok=True)
    shutil.copyfile(source, part)
    replace_durably(part, file)


def is_empty(database: Database) -> bool:
    """Whether nothing is there that a restore would overwrite.

    Raises:
        StorageError: PostgreSQL cannot be reached.
    """
    if database.file is not None:
        return not database.file.exists()
    import psycopg2  # type: ignore[import-untyped]

    try:
        with (
            closing(psycopg2.connect(database.target, connect_timeout=10)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_TABLES)
            return bool(cursor.fetchone()[0] == 0)
    except psycopg2.Error as error:
        said = redact(str(error).strip().splitlines()[0])
        raise StorageError(f"{database} cannot be opened: {said}", "Make an empty database there first.") from None


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite file that others may be writing.

    Raises:
        StorageError: it is not a SQLite file, or cannot be read.
    """
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=60)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    except sqlite3.Error as error:
        raise StorageError(f"{source} cannot be copied: {error}") from error


def _postgres(name: str, dsn: str, arguments: list[str]) -> None:
    program = shutil.which(name)
    if program is None:
        raise MissingDependencyError(
            f"{name} is not installed, and a backup of PostgreSQL needs it",
            "Install PostgreSQL's client programs of the server's version or newer.",
        )
    with _without_password(dsn) as (shown, env):
        command = [program, *arguments, "--no-password", f"--dbname={shown}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)  # noqa: S603 - our own
    if done.returncode != 0:
        raise StorageError(f"{name} failed: {redact(done.stderr.strip())}", f"Follow what {name} says.")


@contextmanager
def _without_password(dsn: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The connection string as a command line may show it, and the environment that makes up for it."""
    from psycopg2.extensions import make_dsn, parse_dsn

    parts = parse_dsn(dsn)
    password = parts.pop("password", None)
    if password is None:
        yield make_dsn(**parts), os.environ
        return
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    with tempfile.NamedTemporaryFile("w", prefix="herdbook-", suffix=".pgpass") as file:  # its owner's alone
        file.write(f"*:*:*:*:{escaped}\n")
        file.flush()
        yield make_dsn(**parts), {**os.environ, "PGPASSFILE": file.name}
