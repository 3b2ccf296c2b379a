"""Write to the lake: one transaction, run whole or not at all, in its turn, and again where it conflicted.

A SQLite catalog has one writer at a time. PostgreSQL lets insert-only transactions through side by side: writers of
different turns are not kept from each other there (docs/adr/0040). A server that restarts ends what is under way: it is
done again, unless its commit got through and only the answer was lost (docs/adr/0275).
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import duckdb

from herdbook.contracts.database_server import is_away
from herdbook.contracts.durable import fsync_path
from herdbook.errors import DatabaseAwayError, LakeBusyError, StorageError
from herdbook.lake.attach import ALIAS, open_lake, parse_catalog, redact
from herdbook.lake.restoring import require_filled
from herdbook.lake.turns import turn
from herdbook.settings import Settings

T = TypeVar("T")

EVERYBODY = "lake"
"""The turn of all writers but loads: what one of them has read, no other changes before it has written."""

_CONFLICTS = ("conflict", "database is locked", "could not serialize", "deadlock detected")


def write(
    settings: Settings,
    work: Callable[[duckdb.DuckDBPyConnection], T],
    *,
    create: bool = False,
    turn_of: str = EVERYBODY,
) -> T:
    """Run ``work`` in one transaction of the lake and commit it.

    ``work`` may run several times; what it does outside the lake must bear that. Whatever it raises rolls back.

    Args:
        settings: where the lake is, and ``lake_wait_s``.
        work: gets a connection inside the transaction; must neither commit nor keep it.
        create: make an empty lake where there is none.
        turn_of: writers that give the same name wait for each other; on SQLite all do.

    Raises:
        LakeBusyError: other writers held the lake for longer than ``settings.lake_wait_s``.
        DatabaseAwayError: the catalog's server was away for longer than ``settings.database_wait_s``.
        StorageError: the transaction failed, or a restore into this home has not ended.
    """
    require_filled(settings)
    deadline = time.monotonic() + settings.lake_wait_s
    catalog = parse_catalog(settings)
    pause, asked, away_since = 0.05, _Asked[T](), None
    while True:
        try:
            with turn(catalog, turn_of, deadline, create=create) as require_held:
                if asked.results and _got_through(settings, asked.token):
                    return asked.results[-1]
                return _once(settings, work, asked, require_held, create=create)
        except (duckdb.Error, DatabaseAwayError) as error:
            now, said = time.monotonic(), str(error).lower()
            if isinstance(error, DatabaseAwayError) or (catalog.file is None and is_away(said)):
                away_since = away_since or now
                if now + pause > away_since + settings.database_wait_s:
                    raise DatabaseAwayError(f"writing to the lake failed: {redact(str(error))}") from error
            elif not any(sign in said for sign in _CONFLICTS):
                raise StorageError(f"writing to the lake failed: {error}") from error
            elif now + pause > deadline:
                raise LakeBusyError(f"the lake stayed busy for {settings.lake_wait_s:g} s: {error}") from error
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads writers, keeps no secret
        pause = min(pause * 2, 2.0)


@dataclass
class _Asked(Generic[T]):
    """Commits that were asked for: what each would have returned. One token names them all in the catalog."""

    token: str = field(default_factory=lambda: secrets.token_hex(16))
    results: list[T] = field(default_factory=list)


@contextmanager
def writers_kept_out(settings: Settings) -> Iterator[None]:
    """Keep other writers out of the lake within the block; on PostgreSQL all but loads, which only add.

    Raises:
        LakeBusyError: they held it for longer than ``settings.lake_wait_s``.
        StorageError: a restore into this home has not ended.
    """
    require_filled(settings)
    with turn(parse_catalog(settings), EVERYBODY, time.monotonic() + settings.lake_wait_s):
        yield


def _once(
    settings: Settings,
    work: Callable[[duckdb.DuckDBPyConnection], T],
    asked: _Asked[T],
    require_held: Callable[[], None],
    *,
    create: bool,
) -> T:
    with open_lake(settings, create=create) as connection:
        connection.execute("BEGIN")
        try:
            since = time.time_ns()
            result = work(connection)
            _flush(settings.lake_data_path, since)
            connection.execute(f"CALL {ALIAS}.set_commit_message('herdbook', NULL, extra_info => '{asked.token}')")
            require_held()
            asked.results.append(result)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.Error):  # a failed COMMIT has rolled back already
                connection.execute("ROLLBACK")
            raise
        return result


def _got_through(settings: Settings, token: str) -> bool:
    """Whether a commit whose answer was lost is in the lake."""
    with open_lake(settings, read_only=True) as lake:
        query = f"SELECT count(*) FROM {ALIAS}.snapshots() WHERE commit_extra_info = ?"  # noqa: S608 - our own name
        found = lake.execute(query, [token]).fetchone()
    return found is not None and found[0] > 0


def _flush(data_path: str, since: int) -> None:
    """Flush data files written since then to disk: DuckDB does not, and the catalog must never name a torn one."""
    if "://" in data_path:
        return  # object stores acknowledge what is durable
    oldest = since - 2_000_000_000  # clocks of file systems tick coarsely
    for name, _, files in os.walk(data_path):
        folder = Path(name)
        if folder.stat().st_mtime_ns < oldest:
            continue  # nothing was added here
        for path in [folder / file for file in files]:
            with suppress(FileNotFoundError):  # another process's, rolled back meanwhile
                if path.stat().st_mtime_ns >= oldest:
                    fsync_path(path)
        fsync_path(folder)
