"""Writers of a lake take turns: by a lock file beside a SQLite catalog, by an advisory lock inside PostgreSQL.

Either is freed by itself when its holder dies.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from herdbook.contracts.database_server import is_away
from herdbook.errors import DatabaseAwayError, LakeBusyError, StorageError
from herdbook.lake.attach import Catalog, redact
from herdbook.lake.lockfile import held

_BUSY = "another process kept writing to the lake"


@contextmanager
def turn(catalog: Catalog, name: str, deadline: float, *, create: bool = False) -> Iterator[Callable[[], None]]:
    """Write alone within the block: of all writers on SQLite, of those that give the same name on PostgreSQL.

    Gives what makes sure that the turn is still ours: PostgreSQL takes it away when it restarts. Ask before a commit.

    Args:
        catalog: the lake's.
        name: what must not be written twice at once.
        deadline: give up at this reading of `time.monotonic`.
        create: make the folder of a catalog that is not there yet.

    Raises:
        LakeBusyError: others held it until the deadline.
        DatabaseAwayError: PostgreSQL does not answer, or broke off.
        StorageError: it refuses us.
    """
    if catalog.file is None:
        with _advisory_lock(catalog, name, deadline) as require_held:
            yield require_held
        return
    if create:
        catalog.file.parent.mkdir(parents=True, exist_ok=True)
    if not catalog.file.parent.is_dir():  # no lake yet: opening it will say so
        yield _always
        return
    with held(catalog.file.with_name(f"{catalog.file.name}.lock"), deadline, _BUSY):
        yield _always


def _always() -> None:
    """The kernel takes no lock away."""


@contextmanager
def _advisory_lock(catalog: Catalog, name: str, deadline: float) -> Iterator[Callable[[], None]]:
    """Of a transaction rather than a session: it holds through connection poolers too."""
    import psycopg2  # type: ignore[import-untyped]

    key = int.from_bytes(hashlib.sha256(f"herdbook lake\0{name}".encode()).digest()[:8], signed=True)
    wait_ms = max(1, int((deadline - time.monotonic()) * 1000))
    try:
        connection = psycopg2.connect(catalog.target, connect_timeout=10)
    except psycopg2.Error as error:
        raise _explained(catalog, error) from None
    with closing(connection), connection.cursor() as cursor:
        try:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(wait_ms)])
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
        except psycopg2.errors.LockNotAvailable:
            raise LakeBusyError(f"{_BUSY} for too long") from None
        except psycopg2.Error as error:
            raise _explained(catalog, error) from None

        def require_held() -> None:
            try:
                cursor.execute("SELECT 1")
            except psycopg2.Error as error:
                raise _explained(catalog, error) from None

        yield require_held


def _explained(catalog: Catalog, error: Exception) -> StorageError:
    said = redact(next(iter(str(error).strip().splitlines()), type(error).__name__))
    kind = DatabaseAwayError if is_away(str(error)) else StorageError
    return kind(f"the lake's catalog {catalog} cannot be opened: {said}")
