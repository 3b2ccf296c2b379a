"""What became of each device's day is said as a person would say it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from herdbook.errors import DeviceUnreachableError
from herdbook.ledger.days import set_day
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import DAY_MISSING, Attempt, DayState, Device, QuarantineEntry, Reread
from herdbook.ledger.session import ledger_session
from herdbook.overview.nights import Night, last_nights
from herdbook.overview.worries import Cause, worries
from herdbook.settings import Settings

DAY = date(2026, 3, 2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path, lookback_days=5)
    upgrade(settings)
    with ledger_session(settings) as session:
        for name in ("barn-a-1", "barn-a-2"):
            session.add(Device(device_id=name, farm_id="f", url="http://x", timezone="Europe/London"))
    return settings


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Session]:
    with ledger_session(settings) as session:
        yield session


def tried(device: str, day: date | None, night: date, **more: object) -> Attempt:
    """A try in the night after a day."""
    start = datetime(night.year, night.month, night.day, 1, tzinfo=UTC) + timedelta(1)
    said = {"exit_code": 0, "bytes": 7} | more
    return Attempt(device_id=device, day=day, started_at=start, ended_at=start + timedelta(minutes=5), **said)


def there(session: Session, device: str, day: date, state: DayState = DayState.LOADED, **more: str) -> None:
    """A revision of a day."""
    set_day(session, (device, day, 1), sha256="0" * 64, final=True, state=state, **more)


def of(settings: Settings, device: str, day: date) -> Night:
    return next(night for night in last_nights(settings) if (night.device, night.day) == (device, day))


def test_before_the_first_night_there_is_nothing(settings: Settings) -> None:
    assert last_nights(settings) == []
    assert not any(subjects for cause, subjects in worries(settings).items() if cause != Cause.DISK)


def test_a_day_that_came_in_its_night_is_in_time_and_later_is_late(settings: Settings, ledger: Session) -> None:
    for device, late in (("barn-a-1", 0), ("barn-a-2", 3)):
        there(ledger, device, DAY)
        ledger.add(tried(device, DAY, DAY + timedelta(late)))
    ledger.commit()
    assert [(n.standing, n.late_days, n.bytes) for n in last_nights(settings)] == [("loaded", 0, 7), ("loaded", 3, 7)]


def test_missing_silent_and_refused_are_told_apart(settings: Settings, ledger: Session) -> None:
    for day in (DAY, DAY + timedelta(1)):
        there(ledger, "barn-a-1", day)
        ledger.add(tried("barn-a-1", day, day))
    there(ledger, "barn-a-1", DAY + timedelta(2), DayState.QUARANTINED, message="manifest.json: no camera")
    ledger.add(QuarantineEntry(device_id="barn-a-1", day=DAY + timedelta(2), revision=1, file="manifest.json",
                               error="ManifestError", exit_code=31, message="no camera", path="x"))  # fmt: skip
    missing = {"exit_code": 12, "error": DAY_MISSING, "message": "has no day", "bytes": 0}
    ledger.add(tried("barn-a-2", DAY, DAY, **missing))
    silent = {"exit_code": DeviceUnreachableError.exit_code, "error": "DeviceUnreachableError", "message": "is off"}
    ledger.add(tried("barn-a-2", None, DAY + timedelta(1), **silent))
    ledger.commit()
    assert (of(settings, "barn-a-2", DAY).standing, of(settings, "barn-a-2", DAY).why) == ("missing", "has no day")
    assert of(settings, "barn-a-2", DAY + timedelta(1)).standing == "silent"
    refused = of(settings, "barn-a-1", DAY + timedelta(2))
    assert (refused.standing, refused.quarantined, refused.why) == ("refused", 1, "manifest.json: no camera")


def test_worries_name_what_is_missed_and_who_is_silent(settings: Settings, ledger: Session) -> None:
    there(ledger, "barn-a-1", DAY)
    ledger.add(tried("barn-a-1", DAY, DAY))
    ledger.add(tried("barn-a-2", None, DAY, exit_code=21, error="DeviceUnreachableError", message="is off"))
    ledger.commit()
    found = worries(settings)
    assert (found["silent device"], found["missed day"]) == ({"barn-a-2": "is off"}, {})


def test_a_device_that_is_more_often_unsure_than_before_drifts(settings: Settings, ledger: Session) -> None:
    for device, last in (("barn-a-1", 30), ("barn-a-2", 9)):
        for n in range(8):
            unsure = last if n == 7 else 5
            read = {"student_sha256": "0", "teacher": "t", "student": "s", "clips": 1, "frames": 100, "unsure": unsure}
            ledger.add(Reread(device_id=device, day=DAY + timedelta(n), **read, reread=1, compared=1, queued=0))
    ledger.commit()
    assert worries(settings)["drift"] == {"barn-a-1": "unsure of 30% of its frames, of 5% on the 7 days before"}
