"""Short transactions on the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from herdbook.errors import NotInitialisedError
from herdbook.ledger.engine import connect, ledger_engine, sqlite_file, storage_errors_are_said
from herdbook.settings import Settings


@contextmanager
def ledger_session(settings: Settings) -> Iterator[Session]:
    """One transaction: committed at the end of the block, rolled back by an exception.

    Keep it short: on SQLite it holds the write lock. Objects stay readable after the block.

    Raises:
        NotInitialisedError: the ledger is not there, or has another version's schema.
        DatabaseAwayError: its server was away for longer than ``settings.database_wait_s``, or broke off.
        StorageError: the database cannot be opened.
    """
    from herdbook.ledger.migrate import require_current  # and with it Alembic

    engine = ledger_engine(settings)
    file = sqlite_file(engine)
    if file is not None and not file.exists():
        raise NotInitialisedError(f"there is no ledger at {file}")
    with (
        connect(engine, settings.database_wait_s) as connection,
        storage_errors_are_said(),
        Session(connection, expire_on_commit=False) as session,
        session.begin(),
    ):
        require_current(session.connection())
        yield session
