"""One device day over real HTTP: it lands whole, once, and is acknowledged only then."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from device_server import Device
from sqlalchemy import select

from herdbook.contracts.landed_day import read_landed_day
from herdbook.contracts.records import RecordKind
from herdbook.errors import NotFoundError
from herdbook.ingest.pull import ingest_day
from herdbook.ingest.result import IngestState
from herdbook.ledger.models import Attempt, ClipState, DayState, DeviceDay, FootageClip
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.device_day import DaySpec, record_tables, write_device_day

SPEC = DaySpec(clips=4, cameras=2)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_good_day_lands_as_it_was_sent(settings: Settings, device: Device) -> None:
    sent = write_device_day(device.root, SPEC)
    result = ingest_day(settings, SPEC.device_id, SPEC.day)
    assert (result.state, result.findings, result.clips_kept, result.clips_skipped) == (IngestState.LANDED, (), 4, 0)
    assert result.folder is not None
    landed = read_landed_day(result.folder)
    tables = record_tables(SPEC)
    for kind in RecordKind:
        assert pq.read_table(landed.record_path(kind)).equals(tables[kind])
        assert landed.landing.rows[kind] == tables[kind].num_rows
    footage = settings.footage / SPEC.device_id / SPEC.day.isoformat() / "r1"
    assert tree(footage) == {name: raw for name, raw in tree(sent).items() if ".mp4" in name or ".boxes." in name}
    assert device.acknowledged == {(SPEC.day.isoformat(), 1)}
    assert result.bytes == device.file_bytes


def test_the_ledger_tells_what_happened(settings: Settings, device: Device) -> None:
    write_device_day(device.root, SPEC)
    ingest_day(settings, SPEC.device_id, SPEC.day)
    with ledger_session(settings) as session:
        day = session.scalars(select(DeviceDay)).one()
        clips = list(session.scalars(select(FootageClip)))
        attempt = session.scalars(select(Attempt)).one()
    assert day.state is DayState.LANDED
    assert day.completed_at is not None
    assert {clip.state for clip in clips} == {ClipState.KEPT}
    assert all((settings.footage / str(clip.path)).stat().st_size == clip.bytes for clip in clips)
    assert (attempt.exit_code, attempt.revision, attempt.bytes) == (0, 1, device.file_bytes)


def test_a_second_ingest_has_nothing_to_do(settings: Settings, device: Device) -> None:
    write_device_day(device.root, SPEC)
    ingest_day(settings, SPEC.device_id, SPEC.day)
    before, fetched = tree(settings.home / "landing"), device.file_bytes
    assert ingest_day(settings, SPEC.device_id, SPEC.day).state is IngestState.UNCHANGED
    assert tree(settings.home / "landing") == before
    assert device.file_bytes == fetched


def test_a_higher_revision_lands_beside_and_fetches_no_clip_twice(settings: Settings, device: Device) -> None:
    write_device_day(device.root, SPEC)
    ingest_day(settings, SPEC.device_id, SPEC.day)
    sent = write_device_day(device.root, replace(SPEC, revision=2, animals=5))
    device.requests.clear()
    result = ingest_day(settings, SPEC.device_id, SPEC.day)
    assert (result.revision, result.clips_kept) == (2, 4)
    clips = {sha256_of(path) for path in sent.glob("*.mp4")}
    assert not clips & {request.rpartition("/")[2] for request in device.requests}, "they were here"
    assert device.acknowledged == {(SPEC.day.isoformat(), 1), (SPEC.day.isoformat(), 2)}


def test_an_unfinished_day_lands_but_the_device_keeps_it(settings: Settings, device: Device) -> None:
    write_device_day(device.root, replace(SPEC, final=False))
    assert ingest_day(settings, SPEC.device_id, SPEC.day).state is IngestState.LANDED
    assert device.acknowledged == set()


def test_files_with_equal_content_are_fetched_once(settings: Settings, device: Device) -> None:
    write_device_day(device.root, SPEC)
    ingest_day(settings, SPEC.device_id, SPEC.day)
    files = [request for request in device.requests if "/v1/files/" in request]
    assert len(files) == len(set(files)), "the four empty boxes files are one"


def test_a_budget_skips_what_is_worth_least_and_says_so(settings: Settings, device: Device) -> None:
    folder = write_device_day(device.root, SPEC)
    sizes = [path.stat().st_size for path in folder.glob("*.mp4")]
    boxes = [path.stat().st_size for path in folder.glob("*.boxes.parquet")]
    frugal = settings.model_copy(update={"footage_budget_bytes": 2 * max(sizes) + sum(boxes)})
    result = ingest_day(frugal, SPEC.device_id, SPEC.day)
    assert (result.clips_kept, result.clips_skipped) == (2, 2)
    with ledger_session(settings) as session:
        skipped = list(session.scalars(select(FootageClip).where(FootageClip.state == ClipState.SKIPPED)))
    assert all("budget" in str(clip.reason) for clip in skipped)
    kept = (settings.footage / SPEC.device_id / SPEC.day.isoformat() / "r1").glob("*.boxes.parquet")
    assert len(list(kept)) == len(boxes), "boxes always come"
    assert device.acknowledged, "what we do not want, the device may free"


def test_a_day_the_device_does_not_have(settings: Settings, device: Device) -> None:
    with pytest.raises(NotFoundError, match="2026-03-02"):
        ingest_day(settings, SPEC.device_id, SPEC.day)


def test_a_device_that_is_not_enrolled(settings: Settings) -> None:
    with pytest.raises(NotFoundError, match="not enrolled"):
        ingest_day(settings, "barn-z-9", SPEC.day)
