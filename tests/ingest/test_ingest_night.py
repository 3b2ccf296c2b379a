"""A night with a device: what is pending, what is missing, and that one bad day does not stop the others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from device_server import Device, serve
from ingest_cases import SPEC, digest_of, enrolled, rewrite_manifest
from sqlalchemy import func, select

from herdbook.contracts.device_day import Manifest
from herdbook.contracts.landed_day import landed_days
from herdbook.contracts.records import RecordKind
from herdbook.errors import (
    DeviceBusyError,
    DeviceUnreachableError,
    DuplicateRowError,
    HerdbookError,
    ManifestError,
    NotFoundError,
    RowCountError,
    TransferCorruptError,
)
from herdbook.fleet.inventory import retire, status
from herdbook.ingest import records
from herdbook.ingest.attempt import attempt
from herdbook.ingest.night import first_failure, ingest_device
from herdbook.ingest.pull import ingest_day
from herdbook.ingest.result import Finding, IngestResult, IngestState
from herdbook.ingest.verify import Verified, verify_records
from herdbook.ledger.models import Attempt, DayState, DeviceDay
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.device_day import DaySpec, write_device_day

DEVICE = SPEC.device_id
FIRST = date(2026, 3, 2)
BARE = DaySpec()


def days(*offsets: int) -> list[date]:
    return [FIRST + timedelta(days=offset) for offset in offsets]


def record(device: Device, *offsets: int, **more: object) -> None:
    for day in days(*offsets):
        write_device_day(device.root, replace(BARE, day=day, **more))


def states(results: list[IngestResult]) -> list[tuple[int, str]]:
    return [((result.day - FIRST).days, result.state.value) for result in results]


def attempts(settings: Settings) -> int:
    with ledger_session(settings) as session:
        return session.scalar(select(func.count()).select_from(Attempt)) or 0


def test_every_day_up_to_the_last_is_pulled_once(settings: Settings, device: Device) -> None:
    record(device, 0, 1, 2, 3)
    until = days(2)[0]
    assert states(ingest_device(settings, DEVICE, until)) == [(0, "landed"), (1, "landed"), (2, "landed")]
    device.requests.clear()
    assert ingest_device(settings, DEVICE, until) == []
    assert device.requests == ["/v1/health", "/v1/alerts", "/v1/days"]
    assert states(ingest_device(settings, DEVICE, days(3)[0])) == [(3, "landed")]


def test_the_lookback_bounds_what_is_missed_not_what_is_offered(settings: Settings, device: Device) -> None:
    record(device, 0, 1, 10)
    short = settings.model_copy(update={"lookback_days": 8})
    results = states(ingest_device(short, DEVICE, days(10)[0]))
    assert results == [(0, "landed"), (1, "landed"), *((i, "missing") for i in range(2, 10)), (10, "landed")]
    assert device.acknowledged == {(day.isoformat(), 1) for day in days(0, 1, 10)}


def test_a_day_that_was_missing_is_fetched_by_a_later_night(settings: Settings, device: Device) -> None:
    record(device, 0, 2)
    assert states(ingest_device(settings, DEVICE, days(2)[0])) == [(0, "landed"), (1, "missing"), (2, "landed")]
    assert status(settings)[0].state == "ok", "an old gap is no news"
    record(device, 1)
    assert states(ingest_device(settings, DEVICE, days(2)[0])) == [(1, "landed")]


def test_a_device_without_any_day_misses_only_the_last(settings: Settings, device: Device) -> None:
    assert states(ingest_device(settings, DEVICE, FIRST)) == [(0, "missing")]
    assert first_failure(ingest_device(settings, DEVICE, FIRST)) is None
    assert status(settings)[0].state == f"no {FIRST}"


def test_an_unfinished_day_is_asked_for_until_its_last_revision(settings: Settings, device: Device) -> None:
    record(device, 0, final=False)
    assert states(ingest_device(settings, DEVICE, FIRST)) == [(0, "landed")]
    assert ingest_device(settings, DEVICE, FIRST) == []
    record(device, 0, revision=2, animals=5)
    (result,) = ingest_device(settings, DEVICE, FIRST)
    assert (result.revision, device.acknowledged) == (2, {(FIRST.isoformat(), 2)})


def test_one_bad_day_does_not_stop_the_others(settings: Settings, device: Device) -> None:
    record(device, 0, 1, 2)
    rewrite_manifest(device.latest()[days(1)[0].isoformat()], farm_id="no farm at all")
    results = ingest_device(settings, DEVICE, days(2)[0])
    assert states(results) == [(0, "landed"), (1, "quarantined"), (2, "landed")]
    assert isinstance(first_failure(results), ManifestError)
    assert ingest_device(settings, DEVICE, days(2)[0]) == [], "refused for good: only a new revision is asked for"
    record(device, 1, revision=2)
    assert states(ingest_device(settings, DEVICE, days(2)[0])) == [(1, "landed")]


def test_a_corrupt_transfer_is_tried_again_by_a_later_night(settings: Settings, device: Device) -> None:
    record(device, 0, 1)
    folder = device.latest()[FIRST.isoformat()]
    device.altered[digest_of(folder, "bout.parquet")] = b"noise"
    results = ingest_device(settings, DEVICE, days(1)[0])
    assert states(results) == [(0, "failed"), (1, "landed")]
    assert isinstance(first_failure(results), TransferCorruptError)
    device.altered.clear()
    assert states(ingest_device(settings, DEVICE, days(1)[0])) == [(0, "landed")]


def test_a_device_that_falls_silent_ends_the_night(settings: Settings, device: Device) -> None:
    record(device, 0, 1, 2)
    size = sum(path.stat().st_size for path in device.latest()[FIRST.isoformat()].glob("*.parquet"))
    device.cut_after = size + 1000
    results = ingest_device(settings, DEVICE, days(2)[0])
    assert states(results) == [(0, "landed"), (1, "failed")]
    assert isinstance(first_failure(results), DeviceUnreachableError)
    assert status(settings)[0].state == "DeviceUnreachableError"
    device.cut_after = None
    assert states(ingest_device(settings, DEVICE, days(2)[0])) == [(1, "landed"), (2, "landed")]
    assert status(settings)[0].state == "ok"


def test_records_of_every_day_come_before_footage_of_any(settings: Settings, device: Device) -> None:
    for day in days(0, 1, 2):
        write_device_day(device.root, replace(SPEC, day=day))
    device.cut_after = 100 + sum(
        path.stat().st_size for kind in RecordKind for path in device.root.rglob(f"{kind.value}.parquet")
    )
    results = ingest_device(settings, DEVICE, days(2)[0])
    assert states(results) == [(0, "failed"), (1, "failed"), (2, "failed")]
    assert len(landed_days(settings.landing)) == 3, "a poor line costs footage, not answers"
    assert not device.acknowledged
    device.cut_after = None
    assert states(ingest_device(settings, DEVICE, days(2)[0])) == [(0, "landed"), (1, "landed"), (2, "landed")]
    assert len(device.acknowledged) == 3


def test_a_fault_that_nobody_foresaw_does_not_stop_the_others(
    settings: Settings, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(device, 0, 1)

    def verify(manifest: Manifest, folder: Path) -> Verified:
        if manifest.day == FIRST:
            raise RuntimeError("a mistake of ours")
        return verify_records(manifest, folder)

    monkeypatch.setattr(records, "verify_records", verify)
    results = ingest_device(settings, DEVICE, days(1)[0])
    assert states(results) == [(0, "failed"), (1, "landed")]
    failure = first_failure(results)
    assert failure is not None
    assert (failure.exit_code, "a mistake of ours" in failure.message) == (1, True)
    monkeypatch.undo()
    assert states(ingest_device(settings, DEVICE, days(1)[0])) == [(0, "landed")]


@pytest.mark.parametrize(
    ("ending", "code"), [(RuntimeError("oh"), 1), (KeyboardInterrupt(), 130), (SystemExit(3), 130)], ids=repr
)
def test_every_ending_of_an_attempt_is_entered(settings: Settings, ending: BaseException, code: int) -> None:
    with pytest.raises((HerdbookError, KeyboardInterrupt, SystemExit)), attempt(settings, DEVICE, FIRST):
        raise ending
    with ledger_session(settings) as session:
        entered = session.scalars(select(Attempt)).one()
    assert (entered.exit_code, entered.error) == (code, type(ending).__name__)


def test_a_day_that_the_device_has_freed_is_asked_for_once(settings: Settings, device: Device) -> None:
    record(device, 0, 1)
    device.acknowledged.add((FIRST.isoformat(), 1))  # by another platform, or by this one before its disk was lost
    for file in device.latest()[FIRST.isoformat()].glob("*.parquet"):
        file.unlink()
    results = ingest_device(settings, DEVICE, days(1)[0])
    assert states(results) == [(0, "missing"), (1, "landed")]
    assert first_failure(results) is None
    assert ingest_device(settings, DEVICE, days(1)[0]) == []
    with pytest.raises(NotFoundError, match="may have freed it") as caught:
        ingest_day(settings, DEVICE, FIRST)
    assert "edge reissue" in caught.value.remedy
    record(device, 0, revision=2)
    assert states(ingest_device(settings, DEVICE, days(1)[0])) == [(0, "landed")]


def test_footage_that_the_device_has_freed_holds_nothing_up(settings: Settings, device: Device) -> None:
    folder = write_device_day(device.root, SPEC)
    clip = next(folder.glob("*.mp4"))
    clip.unlink()
    (result,) = ingest_device(settings, DEVICE, FIRST)
    assert isinstance(first_failure([result]), TransferCorruptError)
    assert not device.acknowledged, "it may be a fault that the device can mend"
    device.acknowledged.add((FIRST.isoformat(), 1))
    (result,) = ingest_device(settings, DEVICE, FIRST)
    assert (result.clips_kept, result.clips_skipped) == (0, 1)
    assert ingest_device(settings, DEVICE, FIRST) == []


def test_a_device_that_is_off_is_an_attempt_and_a_later_night_catches_up(
    settings: Settings, device: Device, tmp_path: Path
) -> None:
    with serve(Device(tmp_path / "off")) as off:
        enrolled(settings, off)
    before = attempts(settings)
    with pytest.raises(DeviceUnreachableError):
        ingest_device(settings, DEVICE, FIRST)
    assert attempts(settings) == before + 1
    record(device, 0)
    enrolled(settings, device)
    assert states(ingest_device(settings, DEVICE, FIRST)) == [(0, "landed")]


def test_a_lost_acknowledgement_is_given_again(settings: Settings, device: Device) -> None:
    record(device, 0)
    ingest_device(settings, DEVICE, FIRST)
    device.acknowledged.clear()
    assert states(ingest_device(settings, DEVICE, FIRST)) == [(0, "unchanged")]
    assert device.acknowledged == {(FIRST.isoformat(), 1)}


def test_a_lost_landing_folder_lands_again(settings: Settings, device: Device) -> None:
    record(device, 0)
    (result,) = ingest_device(settings, DEVICE, FIRST)
    assert result.folder is not None
    (result.folder / "landed.json").unlink()
    assert ingest_day(settings, DEVICE, FIRST).state is IngestState.LANDED
    (result.folder / "landed.json").unlink()
    assert states(ingest_device(settings, DEVICE, FIRST)) == [(0, "landed")]


def test_what_killed_writers_left_is_swept(settings: Settings, device: Device) -> None:
    record(device, 0)
    left = settings.landing / DEVICE / FIRST.isoformat() / "r1" / ".manifest.json.4711.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"{")
    ingest_device(settings, DEVICE, FIRST)
    assert not left.exists()


def test_a_day_the_lake_holds_is_not_landed_again(settings: Settings, device: Device) -> None:
    record(device, 0)
    ingest_device(settings, DEVICE, FIRST)
    with ledger_session(settings) as session:
        session.scalars(select(DeviceDay)).one().state = DayState.LOADED
    assert ingest_device(settings, DEVICE, FIRST) == []
    assert ingest_day(settings, DEVICE, FIRST).state is IngestState.UNCHANGED


HOLDER = """
import sys
from herdbook.ingest.lock import device_lock
from herdbook.settings import Settings
with device_lock(Settings(home=sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_ingest(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that is at the same device."""
    command = [sys.executable, "-c", HOLDER, settings.home, DEVICE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process


def test_two_ingests_of_a_device_do_not_meet(settings: Settings, device: Device) -> None:
    record(device, 0)
    with another_ingest(settings) as other, pytest.raises(DeviceBusyError, match=str(other.pid)):
        ingest_device(settings, DEVICE, FIRST)
    assert states(ingest_device(settings, DEVICE, FIRST)) == [(0, "landed")]


def test_a_lock_of_a_killed_process_is_free(settings: Settings, device: Device) -> None:
    record(device, 0)
    with another_ingest(settings) as other:
        other.kill()
        other.wait()
        assert states(ingest_device(settings, DEVICE, FIRST)) == [(0, "landed")]


def test_what_another_try_may_cure_is_told_first() -> None:
    def result(state: IngestState, error: type[HerdbookError]) -> IngestResult:
        return IngestResult(DEVICE, FIRST, 1, state, findings=(Finding(error, None, None, "said"),))

    landed = result(IngestState.LANDED, DuplicateRowError)
    refused = result(IngestState.QUARANTINED, RowCountError)
    silent = result(IngestState.FAILED, DeviceUnreachableError)
    assert isinstance(first_failure([landed, refused, silent]), DeviceUnreachableError)
    assert isinstance(first_failure([landed, refused]), RowCountError)
    assert isinstance(first_failure([landed]), DuplicateRowError)
    assert first_failure([]) is None


def test_a_retired_device_is_not_asked(settings: Settings, device: Device) -> None:
    retire(settings, DEVICE)
    with pytest.raises(NotFoundError, match="retired"):
        ingest_device(settings, DEVICE, FIRST)
    assert device.requests == []
