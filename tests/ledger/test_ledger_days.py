"""What the ledger says of days, and how it is brought in line with the lake."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.ledger.days import days_in, mark_loaded, set_day, waiting_days
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import DayState, Device, DeviceDay
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

DAY = date(2026, 3, 2)
DIGEST = "0" * 64
Rows = dict[int, DayState]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=Path(tmp_path_factory.mktemp("home")))
    upgrade(settings)
    with ledger_session(settings) as session:
        session.add(Device(device_id="d", farm_id="f", url="http://d", timezone="UTC"))
    return settings


def reconciled(settings: Settings, rows: Rows, in_lake: set[int]) -> tuple[Rows, list[int]]:
    """States by revision after reconciling to a lake that holds these revisions, and what then waits for its load."""
    with ledger_session(settings) as session:
        session.query(DeviceDay).delete()
        for revision, state in rows.items():
            set_day(session, ("d", DAY, revision), sha256=DIGEST, final=True, state=state)
        mark_loaded(session, [("d", DAY, revision, DIGEST) for revision in in_lake])
        assert mark_loaded(session, [("d", DAY, revision, DIGEST) for revision in in_lake]) == 0, "once is enough"
        after = {row.revision: row.state for row in days_in(session, list(DayState))}
        return after, [row.revision for row in waiting_days(session)]


def test_a_landed_day_that_the_lake_holds_is_loaded(settings: Settings) -> None:
    assert reconciled(settings, {1: DayState.LANDED}, {1}) == ({1: DayState.LOADED}, [])


def test_a_loaded_day_that_the_lake_lost_is_loaded_again(settings: Settings) -> None:
    assert reconciled(settings, {1: DayState.LOADED}, set()) == ({1: DayState.LANDED}, [1])


def test_a_superseded_load_that_the_lake_forgot_stays_loaded(settings: Settings) -> None:
    rows = {1: DayState.LOADED, 2: DayState.LANDED}
    assert reconciled(settings, rows, {2}) == ({1: DayState.LOADED, 2: DayState.LOADED}, [])


def test_only_the_highest_revision_waits(settings: Settings) -> None:
    rows = {1: DayState.LANDED, 2: DayState.LANDED, 3: DayState.QUARANTINED}
    assert reconciled(settings, rows, set())[1] == [2]


@given(st.dictionaries(st.integers(1, 4), st.sampled_from(DayState), max_size=4), st.sets(st.integers(1, 4)))
def test_reconciling_leaves_nothing_waiting_that_is_loaded(settings: Settings, rows: Rows, in_lake: set[int]) -> None:
    after, waiting = reconciled(settings, rows, in_lake)
    here = {revision for revision, state in rows.items() if state in (DayState.LANDED, DayState.LOADED)}
    assert {r for r in after if after[r] is not rows[r]} <= here, "what never landed is not touched"
    assert set(waiting) == ({max(here)} - in_lake if here else set())
