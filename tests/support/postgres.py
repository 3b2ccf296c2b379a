"""Throw-away PostgreSQL servers for tests: one per session with a fresh database per test that asks for one, or one's
own.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

_numbers = count(1)


def _binaries() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return debian[-1].parent if debian else None


@contextmanager
def postgres_server(options: str, initdb: Sequence[str] = ("-A", "trust")) -> Iterator[Path]:
    """The folder of a running server's socket; user ``postgres``.

    Args:
        options: of the server, beside the socket's.
        initdb: how the cluster is made: who may come in.
    """
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server programs (initdb, pg_ctl) are not installed")
    # The server refuses to run as root; Debian's package brings the user postgres.
    as_root = os.geteuid() == 0
    if as_root and "postgres" not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    prefix = ["runuser", "-u", "postgres", "--"] if as_root else []
    folder = Path(tempfile.mkdtemp(prefix="herdbook-pg-"))  # short: a socket's path has at most 107 bytes
    if as_root:
        shutil.chown(folder, "postgres")
    data = folder / "data"

    def call(program: str, *arguments: str) -> None:
        command = [*prefix, str(binaries / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=120)

    try:
        call("initdb", "-D", str(data), "-U", "postgres", "-E", "UTF8", "--no-sync", *initdb)
        more = f"-k {folder} -c max_connections=200 -c fsync=off {options}"
        call("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", more, "start")
        try:
            yield folder
        finally:
            call("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Path]:
    """Folder of a running server's socket; user ``postgres``, no TCP port, no password."""
    with postgres_server("-c listen_addresses=''") as folder:
        yield folder


@pytest.fixture
def new_postgres_dsn(postgres_cluster: Path) -> Callable[[], str]:
    """Makes fresh, empty databases; their libpq connection strings."""
    import psycopg2

    def make() -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        connection = psycopg2.connect(host=str(postgres_cluster), user="postgres", dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        connection.close()
        return f"host={postgres_cluster} user=postgres dbname={name}"

    return make


@pytest.fixture
def postgres_dsn(new_postgres_dsn: Callable[[], str]) -> str:
    """libpq connection string of a fresh, empty database."""
    return new_postgres_dsn()
