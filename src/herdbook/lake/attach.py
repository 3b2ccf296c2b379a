"""Open the lake. One code path serves both catalogs; only the attach string differs."""

from __future__ import annotations

import importlib.util
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from weakref import WeakSet

import duckdb

from herdbook.contracts.database_server import is_away, wait_for_server
from herdbook.errors import (
    ConfigurationError,
    DatabaseAwayError,
    LakeBusyError,
    NotFoundError,
    NotInitialisedError,
    StorageError,
)
from herdbook.object_store import duckdb_statements, is_object_store
from herdbook.settings import Settings

ALIAS = "lake"
"""Name of the lake inside a connection, and its default catalog."""

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoload_known_extensions": True,
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,  # a name in SQL never means a variable of this program
    "allow_unredacted_secrets": False,  # who may ask the lake is not shown its key
}
"""Every connection of ours starts with this."""

_SCANNER = {"sqlite": "sqlite_scanner", "postgres": "postgres_scanner"}


@dataclass(frozen=True)
class Catalog:
    """A DuckLake catalog: ``sqlite:FILE`` or ``postgres:DSN``."""

    kind: str
    target: str

    @property
    def file(self) -> Path | None:
        """The catalog's file where it is one."""
        return Path(self.target) if self.kind == "sqlite" else None

    def __str__(self) -> str:
        """How it may be shown: without a password."""
        return f"{self.kind}:{redact(self.target)}"


def redact(text: str) -> str:
    """Text without the passwords of connection strings in it."""
    text = re.sub(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)", r"\1***", text, flags=re.IGNORECASE)
    return re.sub(r"(://[^:/@\s]*:)[^@/\s]*@", r"\1***@", text)


def parse_catalog(settings: Settings) -> Catalog:
    """The catalog that the settings name.

    Raises:
        ConfigurationError: it is neither a SQLite file nor a PostgreSQL database.
    """
    kind, _, target = settings.lake_catalog.partition(":")
    if kind == "postgresql":  # a URL as SQLAlchemy and libpq write it
        kind, target = "postgres", settings.lake_catalog
    if kind not in _SCANNER or not target:
        raise ConfigurationError(
            f"HERDBOOK_CATALOG: '{redact(settings.lake_catalog)}' is not a catalog",
            "Use sqlite:FILE or postgres:DSN, for example postgres:dbname=herdbook host=db.",
        )
    return Catalog(kind, target)


def open_lake(
    settings: Settings,
    *,
    read_only: bool = False,
    snapshot: int | None = None,
    create: bool = False,
    alone: bool = False,
) -> duckdb.DuckDBPyConnection:
    """A connection with the lake as default catalog and a transaction of its own; close it when done.

    A catalog that is busy at that moment is tried again for up to ``settings.lake_wait_s``, a server that is away for
    up to ``settings.database_wait_s``.

    Connections that are open at once and opened alike share one DuckDB instance: the first takes about 0.3 s, which go
    into verifying extensions, the others a few milliseconds.

    Args:
        settings: where the lake is.
        read_only: refuse writes to the lake.
        snapshot: read the lake as it was at this snapshot; implies ``read_only``.
        create: make an empty lake where there is none (only ``migrate`` does).
        alone: share the instance with nobody, to attach other databases to it.

    Raises:
        NotInitialisedError: there is no lake yet.
        NotFoundError: there is no such snapshot.
        LakeBusyError: the catalog stayed busy.
        DatabaseAwayError: the catalog's server stayed away.
        StorageError: the catalog cannot be opened.
    """
    deadline = time.monotonic() + settings.lake_wait_s

    def once() -> duckdb.DuckDBPyConnection:
        return _open(settings, read_only=read_only, snapshot=snapshot, create=create, alone=alone)

    while True:
        try:
            return wait_for_server(once, settings.database_wait_s)
        except LakeBusyError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def _open(
    settings: Settings, *, read_only: bool, snapshot: int | None, create: bool, alone: bool
) -> duckdb.DuckDBPyConnection:
    catalog = parse_catalog(settings)
    if catalog.file is not None and not create and not catalog.file.is_file():
        raise NotInitialisedError(f"there is no lake at {catalog.file}")
    options = [
        f"DATA_PATH {quoted(settings.lake_data_path)}",
        # Paths in the catalog are relative to the data path, so that a lake may be moved or restored elsewhere.
        "OVERRIDE_DATA_PATH true",
        f"CREATE_IF_NOT_EXISTS {str(create).lower()}",
    ]
    if read_only or snapshot is not None:
        options.append("READ_ONLY")
    if snapshot is not None:
        options.append(f"SNAPSHOT_VERSION {int(snapshot)}")
    if catalog.kind == "sqlite":
        options.append(f"META_BUSY_TIMEOUT {int(settings.lake_wait_s * 1000)}")
        if create:  # kept in the file from then on: readers do not wait for writers
            options.append("META_JOURNAL_MODE 'WAL'")
    attach = (
        f"ATTACH IF NOT EXISTS {quoted(f'ducklake:{catalog.kind}:{catalog.target}')} AS {ALIAS} ({', '.join(options)})"
    )
    with _opening:  # two threads must not attach at once
        instance = _Instance(":memory:") if alone else _instance(attach)
        connection = duckdb.connect(instance.name, config=CONFIG)
        try:
            load_extension(connection, "ducklake")
            load_extension(connection, _SCANNER[catalog.kind])
            if is_object_store(settings.lake_data_path):
                load_extension(connection, "httpfs")
                for statement in duckdb_statements(settings):
                    connection.execute(statement)
            connection.execute("SET TimeZone = 'UTC'")
            if settings.query_memory:
                connection.execute(f"SET memory_limit = {quoted(settings.query_memory)}")
            connection.execute(attach)
            connection.execute(f"USE {ALIAS}")
        except duckdb.Error as error:
            connection.close()
            raise _explained(error, catalog, snapshot) from None
        instance.connections.add(connection)
        if _keeping.active and not alone and instance.name not in _keeping.connections:
            _keeping.connections[instance.name] = duckdb.connect(instance.name, config=CONFIG)
            instance.connections.add(_keeping.connections[instance.name])
    return connection


def latest_snapshot(settings: Settings) -> int:
    """The lake's newest snapshot: what several readings in a row can all look at.

    Raises:
        NotInitialisedError: there is no lake yet.
    """
    with open_lake(settings, read_only=True) as lake:
        row = lake.execute(f"SELECT id FROM {ALIAS}.current_snapshot()").fetchone()  # noqa: S608 - ours
    assert row is not None, "a lake has a snapshot from its first moment"
    return int(row[0])


@contextmanager
def kept_open() -> Iterator[None]:
    """Keep each lake that is opened within the block open until its end, so that opening it again is quick."""
    with _opening:
        outermost = not _keeping.active
        _keeping.active = True
    try:
        yield
    finally:
        if outermost:
            with _opening:
                _keeping.active = False
                while _keeping.connections:
                    _keeping.connections.popitem()[1].close()


@dataclass
class _Keeping:
    active: bool = False
    connections: dict[str, duckdb.DuckDBPyConnection] = field(default_factory=dict)


@dataclass
class _Instance:
    """An instance in memory, and the connections to it that somebody may still have."""

    name: str
    connections: WeakSet[duckdb.DuckDBPyConnection] = field(default_factory=WeakSet)


_keeping = _Keeping()
_opening = threading.Lock()
_instances: dict[tuple[int, str], _Instance] = {}
_numbers = count(1)


def _instance(attach: str) -> _Instance:
    """The instance that connections opened alike share; never with a parent process.

    Its name is not taken again once all are closed. What a server's crash broke off may keep the instance from ending,
    and DuckDB, asked for the name, would wait for that end for ever (docs/adr/0285).
    """
    key = (os.getpid(), attach)
    if key not in _instances or not any(map(_is_open, _instances[key].connections)):
        _instances[key] = _Instance(f":memory:lake-{os.getpid()}-{next(_numbers)}")
    return _instances[key]


def _is_open(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        connection.cursor().close()
    except duckdb.ConnectionException:
        return False
    return True


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension from the package that carries it, or fetch it from DuckDB's repository.

    Loading by path writes nothing to the user's home and cannot race; the binary is signed either way.

    Raises:
        StorageError: it is not installed and cannot be fetched.
    """
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    for location in (spec.submodule_search_locations or []) if spec else []:
        file = Path(location) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if file.is_file():
            connection.execute(f"LOAD {quoted(str(file))}")
            return
    try:
        connection.execute(f"INSTALL {name}; LOAD {name}")
    except duckdb.Error as error:
        raise StorageError(
            f"DuckDB's extension {name} is not installed and cannot be fetched: {error}",
            f"Install the package duckdb-extension-{name.replace('_', '-')} at version {duckdb.__version__}.",
        ) from error


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def _explained(error: duckdb.Error, catalog: Catalog, snapshot: int | None) -> Exception:
    message = str(error)
    if "No snapshot found" in message:
        return NotFoundError(f"the lake has no snapshot {snapshot}", "`herdbook lake pins` lists what is kept.")
    if "CREATE_IF_NOT_EXISTS" in message or "does not exist" in message:
        return NotInitialisedError(f"there is no lake in {catalog}")
    said = f"the lake's catalog {catalog} cannot be opened: {redact(message.splitlines()[0])}"
    if catalog.file is None and is_away(message):
        return DatabaseAwayError(said)
    return LakeBusyError(said) if any(sign in message for sign in _BUSY) else StorageError(said)


_BUSY = ("database is locked", "too many clients", "connection slots are reserved")
