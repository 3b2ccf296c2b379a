"""Footage goes by policy, records never."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from device_server import Device
from ingest_cases import SPEC
from sqlalchemy import select

from herdbook.ingest.pull import ingest_day
from herdbook.ingest.result import IngestState
from herdbook.ingest.retention import apply_retention
from herdbook.ledger.columns import utc_now
from herdbook.ledger.days import set_day
from herdbook.ledger.models import ClipState, DayState, DeviceDay, FootageClip
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.device_day import write_device_day

LATER = SPEC.day + timedelta(days=91)


@pytest.fixture
def landed(settings: Settings, device: Device) -> Settings:
    write_device_day(device.root, SPEC)
    ingest_day(settings, SPEC.device_id, SPEC.day)
    return settings


def clip(settings: Settings) -> FootageClip:
    with ledger_session(settings) as session:
        return session.scalars(select(FootageClip)).one()


def loaded(settings: Settings, ago: timedelta) -> None:
    with ledger_session(settings) as session:
        row = session.scalars(select(DeviceDay)).one()
        row.state, row.updated_at = DayState.LOADED, utc_now() - ago


def test_young_footage_stays(landed: Settings) -> None:
    assert apply_retention(landed, LATER - timedelta(days=1)).clips == 0
    assert clip(landed).state is ClipState.KEPT


def test_old_footage_goes_and_the_ledger_remembers_it(landed: Settings) -> None:
    path = landed.footage / str(clip(landed).path)
    planned = apply_retention(landed, LATER, dry_run=True)
    assert path.exists()
    assert apply_retention(landed, LATER) == planned
    assert planned.clips == 1
    assert not path.parent.exists()
    gone = clip(landed)
    assert (gone.state, gone.path) == (ClipState.EXPIRED, None)
    assert "90 days" in str(gone.reason)
    assert gone.bytes > 0
    assert apply_retention(landed, LATER).clips == 0


def test_an_interrupted_removal_is_finished_by_the_next(landed: Settings) -> None:
    path = landed.footage / str(clip(landed).path)
    with ledger_session(landed) as session:
        row = session.scalars(select(FootageClip)).one()
        row.state, row.path = ClipState.EXPIRED, None
    apply_retention(landed, LATER)
    assert not path.exists()


def test_landed_files_stay_until_the_lake_has_them(landed: Settings) -> None:
    assert apply_retention(landed, date(2099, 1, 1)).landed_days == 0
    assert (landed.landing / SPEC.device_id / SPEC.day.isoformat() / "r1" / "landed.json").exists()


def test_landed_files_of_loaded_days_go_after_a_while(landed: Settings, device: Device) -> None:
    folder = landed.landing / SPEC.device_id / SPEC.day.isoformat() / "r1"
    loaded(landed, timedelta(days=1))
    assert apply_retention(landed).landed_days == 0
    loaded(landed, timedelta(days=30))
    assert apply_retention(landed).landed_days == 1
    assert not folder.exists()
    assert ingest_day(landed, SPEC.device_id, SPEC.day).state is IngestState.UNCHANGED, "it is not fetched again"


@pytest.mark.parametrize("loaded_revision", [2, 3])
def test_an_old_revision_that_never_became_complete_goes_once_a_higher_one_is_loaded(
    landed: Settings, loaded_revision: int
) -> None:
    def folder(revision: int) -> Path:
        return landed.landing / SPEC.device_id / SPEC.day.isoformat() / f"r{revision}"

    with ledger_session(landed) as session:
        row = session.scalars(select(DeviceDay)).one()
        row.completed_at, row.updated_at = None, utc_now() - timedelta(days=30)
        for revision in (loaded_revision, 2):
            key = (SPEC.device_id, SPEC.day, revision)
            new = set_day(session, key, sha256="0" * 64, final=True, state=DayState.LOADED)
            new.completed_at, new.updated_at = utc_now(), utc_now() - timedelta(days=30)
            folder(revision).mkdir(exist_ok=True)
    assert apply_retention(landed).landed_days == loaded_revision
    assert not any(folder(revision).exists() for revision in (1, 2, 3))


def test_transfers_given_up_are_swept(landed: Settings) -> None:
    part = landed.landing / SPEC.device_id / ".parts" / ("0" * 64)
    part.write_bytes(b"x")
    assert apply_retention(landed).abandoned_parts == 0
    assert apply_retention(landed, date.today() + timedelta(days=30)).abandoned_parts == 1  # noqa: DTZ011
    assert not part.exists()


def test_foreign_folders_are_left_alone(landed: Settings) -> None:
    other = landed.footage / "notes" / "2026-99-99"
    other.mkdir(parents=True)
    apply_retention(landed, LATER)
    assert other.exists()
