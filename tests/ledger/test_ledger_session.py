"""What SQLite is told, and what a transaction promises."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import Attempt, Device
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path)
    upgrade(settings)
    return settings


def device(name: str = "barn-a-1") -> Device:
    return Device(device_id=name, farm_id="demo-farm", url="http://localhost", timezone="UTC")


def test_sqlite_keeps_a_write_ahead_log_and_foreign_keys(settings: Settings) -> None:
    with ledger_session(settings) as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        assert session.scalar(text("PRAGMA busy_timeout")) >= 10_000


def test_an_exception_rolls_back(settings: Settings) -> None:
    def stopped() -> None:
        with ledger_session(settings) as session:
            session.add(device())
            session.flush()
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stopped()
    with ledger_session(settings) as session:
        assert session.get(Device, "barn-a-1") is None


def test_an_attempt_needs_its_device(settings: Settings) -> None:
    now = datetime.now(UTC)
    with pytest.raises(IntegrityError), ledger_session(settings) as session:
        session.add(Attempt(device_id="nobody", started_at=now, ended_at=now, exit_code=0))


def test_times_come_back_aware_and_the_same(settings: Settings) -> None:
    moment = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    with ledger_session(settings) as session:
        row = device()
        row.retired_at = moment
        session.add(row)
    with ledger_session(settings) as session:
        found = session.get_one(Device, "barn-a-1").retired_at
    assert found == moment
    assert found is not None
    assert found.utcoffset() == timedelta(0)


def test_a_naive_time_is_refused(settings: Settings) -> None:
    row = device()
    row.retired_at = datetime(2026, 1, 1)  # noqa: DTZ001
    with pytest.raises(StatementError, match="aware"), ledger_session(settings) as session:
        session.add(row)


def test_many_writers_at_once_lose_nothing(settings: Settings) -> None:
    with ledger_session(settings) as session:
        session.add(device())

    def write() -> None:
        for _ in range(10):
            with ledger_session(settings) as session:
                # Reads first, then writes: the pattern that fails at once with a deferred transaction.
                session.scalar(select(func.count()).select_from(Attempt))
                now = datetime.now(UTC)
                session.add(Attempt(device_id="barn-a-1", started_at=now, ended_at=now, exit_code=0))

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ledger_session(settings) as session:
        assert session.scalar(select(func.count()).select_from(Attempt)) == 60
