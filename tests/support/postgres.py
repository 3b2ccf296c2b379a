"""Throw-away PostgreSQL clusters: one per session of tests, or one of a caller's own that it may restart."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

_numbers = count(1)


class NoServerError(Exception):
    """PostgreSQL's server programs cannot run here; says why."""


@dataclass(frozen=True)
class Cluster:
    """A running server; user ``postgres``."""

    folder: Path
    """Where its socket is."""
    binaries: Path
    prefix: tuple[str, ...]
    options: str
    """Of the server, beside the socket's."""

    def call(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the server's user."""
        command = [*self.prefix, str(self.binaries / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, timeout=120)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = f"-k {self.folder} -c max_connections=200 -c fsync=off {self.options}"
        self._control("-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; ``fast`` ends sessions in order, ``immediate`` is a crash: the next start recovers."""
        self._control("-m", mode, "-w", "stop")

    def new_database(self) -> str:
        """Make a fresh, empty database; its libpq connection string."""
        import psycopg2

        name = f"test_{os.getpid()}_{next(_numbers)}"
        with closing(psycopg2.connect(host=str(self.folder), user="postgres", dbname="postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {name}")
        return f"host={self.folder} user=postgres dbname={name}"

    def _control(self, *arguments: str) -> None:
        self.call("pg_ctl", "-D", str(self.folder / "data"), *arguments)


@contextmanager
def running_cluster(
    options: str = "-c listen_addresses=''", initdb: Sequence[str] = ("-A", "trust")
) -> Iterator[Cluster]:
    """A cluster of the caller's own, gone after the block; without a TCP port or a password if nothing else is said.

    Args:
        options: of the server.
        initdb: how the cluster is made: who may come in.

    Raises:
        NoServerError: it cannot run here.
    """
    binaries = _binaries()
    if binaries is None:
        raise NoServerError("PostgreSQL's server programs (initdb, pg_ctl) are not installed")
    # The server refuses to run as root; Debian's package brings the user postgres.
    as_root = os.geteuid() == 0
    if as_root and "postgres" not in {entry.pw_name for entry in pwd.getpwall()}:
        raise NoServerError("PostgreSQL does not run as root, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="herdbook-pg-"))  # short: a socket's path has at most 107 bytes
    if as_root:
        shutil.chown(folder, "postgres")
    cluster = Cluster(folder, binaries, ("runuser", "-u", "postgres", "--") if as_root else (), options)
    try:
        cluster.call("initdb", "-D", str(folder / "data"), "-U", "postgres", "-E", "UTF8", "--no-sync", *initdb)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return debian[-1].parent if debian else None


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[Cluster]:
    """A running cluster that many tests share: nobody restarts it."""
    try:
        with running_cluster() as cluster:
            yield cluster
    except NoServerError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_cluster(shared_cluster: Cluster) -> Path:
    """Folder of the shared cluster's socket."""
    return shared_cluster.folder


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A cluster of the test's own, to stop and start."""
    try:
        with running_cluster() as cluster:
            yield cluster
    except NoServerError as error:
        pytest.skip(str(error))


@pytest.fixture
def new_postgres_dsn(shared_cluster: Cluster) -> Callable[[], str]:
    """Makes fresh, empty databases; their libpq connection strings."""
    return shared_cluster.new_database


@pytest.fixture
def postgres_dsn(new_postgres_dsn: Callable[[], str]) -> str:
    """libpq connection string of a fresh, empty database."""
    return new_postgres_dsn()
