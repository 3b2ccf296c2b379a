"""A catalog's server that restarts while somebody writes: what was under way is done again, and only once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from herdbook.errors import DatabaseAwayError
from herdbook.lake import transaction
from herdbook.lake.attach import kept_open, open_lake
from herdbook.lake.migrate import migrate
from herdbook.lake.transaction import write
from herdbook.settings import Settings
from support.postgres import Cluster

ADD = "INSERT INTO meta.pin VALUES ('name', 1, NULL, now(), false)"


@pytest.fixture
def settings(own_cluster: Cluster, tmp_path: Path) -> Settings:
    """An empty lake on a server that may be stopped."""
    settings = Settings(home=tmp_path, catalog=f"postgres:{own_cluster.new_database()}")
    migrate(settings)
    return settings


def rows(settings: Settings) -> int:
    with open_lake(settings, read_only=True) as lake:
        found = lake.execute("SELECT count(*) FROM meta.pin").fetchone()
    assert found is not None
    return int(found[0])


def crash(cluster: Cluster) -> None:
    cluster.stop("immediate")
    cluster.start()


def adding(before: Callable[[], None], after: Callable[[], None]) -> tuple[list[int], Callable[[Any], None]]:
    """Work that adds a row, with something happening before or after it the first time."""
    calls: list[int] = []

    def work(lake: duckdb.DuckDBPyConnection) -> None:
        calls.append(1)
        if len(calls) == 1:
            before()
        lake.execute(ADD)
        if len(calls) == 1:
            after()

    return calls, work


def nothing() -> None:
    pass


@pytest.mark.slow
def test_a_transaction_that_a_crash_ends_is_done_again(
    own_cluster: Cluster, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kept_open():
        calls, work = adding(before=nothing, after=lambda: crash(own_cluster))
        write(settings, work)
        assert (len(calls), rows(settings)) == (2, 1)

        # The restart took the turn away before anything was read: without it two might write at once.
        calls, work = adding(before=lambda: crash(own_cluster), after=nothing)
        write(settings, work)
        assert (len(calls), rows(settings)) == (2, 2)

        # Work that had gone on for longer than a server is waited for: it counts from when the server broke off.
        calls, work = adding(before=lambda: time.sleep(6), after=lambda: crash(own_cluster))
        write(settings.model_copy(update={"database_wait_s": 5.0}), work)
        assert (len(calls), rows(settings)) == (2, 3)

        # The commit got through, and only the answer was lost.
        once = transaction._once

        def unheard(*arguments: Any, **named: Any) -> None:
            once(*arguments, **named)
            monkeypatch.setattr(transaction, "_once", once)
            raise duckdb.IOException("server closed the connection unexpectedly")

        monkeypatch.setattr(transaction, "_once", unheard)
        calls, work = adding(before=nothing, after=nothing)
        write(settings, work)
        assert (len(calls), rows(settings)) == (1, 4)


@pytest.mark.slow
def test_a_command_that_keeps_nothing_open_survives_a_crash(own_cluster: Cluster, settings: Settings) -> None:
    """As commands write: the lake is opened anew each time, while what broke off may still hold its instance."""
    for n in range(1, 4):
        calls, work = adding(before=nothing, after=lambda: crash(own_cluster))
        write(settings, work)
        assert (len(calls), rows(settings)) == (2, n)


@pytest.mark.slow
def test_a_server_that_is_away_is_waited_for_and_then_said(own_cluster: Cluster, settings: Settings) -> None:
    own_cluster.stop("fast")
    impatient = settings.model_copy(update={"database_wait_s": 0.3})
    with pytest.raises(DatabaseAwayError, match="cannot be opened"):
        write(impatient, lambda _: None)
    with pytest.raises(DatabaseAwayError, match="cannot be opened"):
        open_lake(impatient)

    def come_back() -> None:
        time.sleep(1.5)
        own_cluster.start()

    returning = threading.Thread(target=come_back)
    returning.start()
    patient = settings.model_copy(update={"database_wait_s": 120.0})
    write(patient, lambda lake: lake.execute(ADD))
    assert rows(patient) == 1
    returning.join()
