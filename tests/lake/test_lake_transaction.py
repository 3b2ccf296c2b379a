"""Writers take turns, and a catalog that is busy for a moment is waited for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pytest

from herdbook.errors import LakeBusyError, StorageError
from herdbook.lake.attach import open_lake
from herdbook.lake.transaction import write
from herdbook.settings import Settings

# Another program, such as a SQLite shell, that keeps everybody out of the catalog for a while.
HOLD = """
import sqlite3, sys, time
catalog = sqlite3.connect(sys.argv[1], isolation_level=None)
catalog.execute("PRAGMA locking_mode = EXCLUSIVE")
catalog.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextmanager
def catalog_held(settings: Settings, seconds: float) -> Iterator[None]:
    file = settings.lake_catalog.removeprefix("sqlite:")
    holder = subprocess.Popen([sys.executable, "-c", HOLD, file, str(seconds)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.kill()


def test_a_catalog_that_is_busy_for_a_moment_is_waited_for(empty_lake: Settings) -> None:
    with catalog_held(empty_lake, 1.5):
        assert write(empty_lake, lambda _: "written") == "written"
    with catalog_held(empty_lake, 1.5), open_lake(empty_lake, read_only=True) as lake:
        assert lake.execute("SELECT count(*) FROM device_day").fetchone() == (0,)


def test_a_catalog_that_stays_busy_is_said(empty_lake: Settings) -> None:
    impatient = empty_lake.model_copy(update={"lake_wait_s": 0.3})
    with catalog_held(impatient, 60), pytest.raises(LakeBusyError, match="database is locked"):
        write(impatient, lambda _: None)


def test_of_one_turn_nobody_writes_beside_another(any_lake: Settings) -> None:
    impatient = any_lake.model_copy(update={"lake_wait_s": 0.3})

    def hold(_: duckdb.DuckDBPyConnection) -> None:
        with pytest.raises(LakeBusyError, match="another process kept writing"):
            write(impatient, lambda _: None, turn_of="mine")

    write(any_lake, hold, turn_of="mine")
    assert write(impatient, lambda _: "free again", turn_of="mine") == "free again"


def test_a_server_that_is_not_there_is_said_without_its_password(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, catalog="postgres:host=/nowhere dbname=x password=geheim", database_wait_s=0.2)
    with pytest.raises(StorageError, match="cannot be opened") as caught:
        write(settings, lambda _: None)
    assert "geheim" not in str(caught.value)
