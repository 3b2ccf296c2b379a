"""A database server that is away for a moment: how that is recognised, and waited for.

A restart, a failover or a broken line ends whatever was under way. Clients tell it by words alone: libpq has no code
for a server that is not there, and DuckDB passes libpq's words on.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from herdbook.errors import DatabaseAwayError

T = TypeVar("T")

_SIGNS = (
    "connection refused",
    '" failed: no such file or directory',  # the socket of a server that is down; a data file's error reads otherwise
    "the database system is",  # starting up, shutting down, in recovery
    "server closed the connection",
    "terminating connection",
    "connection not open",
    "connection already closed",
    "no connection to the server",
    "connection reset by peer",
    "could not receive data from server",
    "could not send data to server",
    "ssl connection has been closed",
    "ssl syscall error",
    "timeout expired",
    'failed to execute query "rollback"',  # DuckDB's, where the line broke within a commit
)


def is_away(said: str) -> bool:
    """Whether an error's text means that the server is away or broke off; false where it answered and refused."""
    return any(sign in said.lower() for sign in _SIGNS)


def wait_for_server(call: Callable[[], T], patience_s: float) -> T:
    """Call again and again while the server is away.

    Args:
        call: must bear being repeated after a `DatabaseAwayError`.
        patience_s: for how long.

    Raises:
        DatabaseAwayError: it stayed away.
    """
    deadline, pause = time.monotonic() + patience_s, 0.1
    while True:
        try:
            return call()
        except DatabaseAwayError:
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads clients, keeps no secret
        pause = min(pause * 2, 2.0)
