"""What a client says of a server that is away, and what of one that answers."""

from __future__ import annotations

import pytest

from herdbook.contracts.database_server import is_away

SOCKET = 'connection to server on socket "/run/.s.PGSQL.5432" failed: '


@pytest.mark.parametrize(
    ("said", "away"),
    [
        (f"{SOCKET}No such file or directory\n\tIs the server running locally?", True),
        (f"{SOCKET}FATAL:  the database system is starting up", True),
        ("server closed the connection unexpectedly", True),
        ('IO Error: Cannot open file "/lake/data/x.parquet": No such file or directory', False),
        (f'{SOCKET}FATAL:  database "x" does not exist', False),
        ("FATAL:  password authentication failed", False),
    ],
)
def test_a_missing_data_file_or_a_refusal_is_no_server_that_is_away(said: str, away: bool) -> None:
    assert is_away(said) is away
