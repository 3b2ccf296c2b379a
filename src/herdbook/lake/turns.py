"""Writers of a lake take turns: by a lock file beside a SQLite catalog, by an advisory lock inside PostgreSQL.

Either is freed by itself when its holder dies.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from herdbook.errors import LakeBusyError, StorageError
from herdbook.lake.attach import Catalog, redact
from herdbook.lake.lockfile import held

_BUSY = "another process kept writing to the lake"


@contextmanager
def turn(catalog: Catalog, name: str, deadline: float, *, create: bool = False) -> Iterator[None]:
    """Write alone within the block: of all writers on SQLite, of those that give the same name on PostgreSQL.

    Args:
        catalog: the lake's.
        name: what must not be written twice at once.
        deadline: give up at this reading of `time.monotonic`.
        create: make the folder of a catalog that is not there yet.

    Raises:
        LakeBusyError: others held it until the deadline.
        StorageError: PostgreSQL cannot be reached.
    """
    if catalog.file is None:
        with _advisory_lock(catalog, name, deadline):
            yield
        return
    if create:
        catalog.file.parent.mkdir(parents=True, exist_ok=True)
    if not catalog.file.parent.is_dir():  # no lake yet: opening it will say so
        yield
        return
    with held(catalog.file.with_name(f"{catalog.file.name}.lock"), deadline, _BUSY):
        yield


@contextmanager
def _advisory_lock(catalog: Catalog, name: str, deadline: float) -> Iterator[None]:
    """Of a transaction rather than a session: it holds through connection poolers too."""
    import psycopg2  # type: ignore[import-untyped]

    key = int.from_bytes(hashlib.sha256(f"herdbook lake\0{name}".encode()).digest()[:8], signed=True)
    wait_ms = max(1, int((deadline - time.monotonic()) * 1000))
    try:
        connection = psycopg2.connect(catalog.target, connect_timeout=10)
    except psycopg2.Error as error:
        said = redact(str(error).strip().splitlines()[0])
        raise StorageError(f"the lake's catalog {catalog} cannot be opened: {said}") from None
    with closing(connection), connection.cursor() as cursor:
        try:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(wait_ms)])
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
        except psycopg2.errors.LockNotAvailable:
            raise LakeBusyError(f"{_BUSY} for too long") from None
        yield
