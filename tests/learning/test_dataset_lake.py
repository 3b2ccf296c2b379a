"""Footage that ingest kept, through the real ledger and lake: who may be in a clip."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from herdbook.contracts.device_day import FileKind, parse_manifest
from herdbook.contracts.records import BOXES_SCHEMA
from herdbook.errors import EmptyDatasetError
from herdbook.fleet import inventory
from herdbook.lake.load import load_device_day
from herdbook.learning.datasets.build import build_dataset
from herdbook.learning.datasets.crowding import Crowding, crowding_of
from herdbook.learning.datasets.lake_clips import lake_clips
from herdbook.learning.datasets.plan import Crossing, DatasetPlan, Split
from herdbook.learning.datasets.reading import Dataset
from herdbook.learning.datasets.sources import gather, resolve
from herdbook.ledger.days import set_day
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import ClipState, DayState, FootageClip
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day
from support.lake_home import fill_roster

SPEC = DaySpec(clips=3, animals=2)


def bring(settings: Settings, spec: DaySpec, state: ClipState = ClipState.KEPT) -> Path:
    """A day as ingest and load leave it."""
    day = write_device_day(settings.home / "device" / spec.device_id, spec)
    manifest = parse_manifest((day / "manifest.json").read_bytes())
    load_device_day(settings, land(settings.landing, day))
    folder = settings.footage / spec.device_id / spec.day.isoformat() / f"r{spec.revision}"
    folder.mkdir(parents=True)
    token = f"{spec.device_id:t<64}"
    inventory.enrol(
        settings, spec.device_id, farm_id=spec.farm_id, url="https://x", timezone=spec.timezone, token=token
    )
    with ledger_session(settings) as session:
        key = (spec.device_id, spec.day, spec.revision)
        set_day(session, key, sha256="0" * 64, final=True, state=DayState.LOADED)
        session.flush()
        for file in manifest.files:
            if file.kind in (FileKind.CLIP, FileKind.BOXES):
                shutil.copy(day / file.name, folder)
        for clip in manifest.of_kind(FileKind.CLIP):
            session.add(
                FootageClip(
                    device_id=spec.device_id,
                    day=spec.day,
                    revision=spec.revision,
                    name=clip.name,
                    sha256=clip.sha256,
                    camera_id=clip.camera_id,
                    started_at=clip.started_at,
                    ended_at=clip.ended_at,
                    bytes=clip.bytes,
                    worth=0.5,
                    path=str((folder / clip.name).relative_to(settings.footage)),
                    state=state,
                )
            )
    return folder


def sees(home: Settings, corners: list[tuple[float, float]], frame: int) -> None:
    """The device's own boxes of one clip: 10 x 10 pixels at these places."""
    clip = lake_clips(home)[0]
    row = {"clip": clip.name, "frame": frame, "at": clip.started_at, "width": 10.0, "height": 10.0, "confidence": 1.0}
    rows = [row | {"tracklet_id": f"t{k}", "x": x, "y": y} for k, (x, y) in enumerate(corners)]
    assert clip.boxes is not None
    pq.write_table(pa.Table.from_pylist(rows, schema=BOXES_SCHEMA), clip.boxes / "more.parquet")


@pytest.fixture
def home(empty_lake: Settings) -> Settings:
    upgrade(empty_lake)
    return empty_lake


def test_animals_of_the_pen_at_the_time_may_be_in_a_clip(home: Settings) -> None:
    bring(home, SPEC)
    clips = lake_clips(home)
    assert len(clips) == 3
    assert {clip.animals for clip in clips} == {frozenset({"whoever is in demo-farm/demo-farm-pen-1"})}
    fill_roster(home, SPEC)
    assert {clip.animals for clip in lake_clips(home)} == {frozenset({"a0", "a1"})}


def test_clips_are_there_once_and_only_while_they_are_kept(home: Settings) -> None:
    folder = bring(home, SPEC)
    bring(home, replace(SPEC, day=SPEC.day + timedelta(1), seed=9), ClipState.EXPIRED)
    bring(home, replace(SPEC, revision=2))  # the same clips again
    clips = lake_clips(home)
    assert len(clips) == 3
    (folder.parent / "r2" / clips[0].name).unlink()
    assert len(lake_clips(home)) == 2
    assert lake_clips(home, sites=["another"]) == []
    assert lake_clips(home, days=[SPEC.day + timedelta(1)]) == []


def test_a_dataset_of_lake_footage_has_no_labels_of_its_own(home: Settings, tmp_path: Path) -> None:
    for number in range(2):
        bring(home, replace(SPEC, device_id=f"d{number}", farm_id=f"farm{number}", seed=10 * number))
    plan = DatasetPlan(frames=4, near=0.0, shares={Split.TRAIN: 0.5, Split.TEST: 0.5}, crossing=Crossing.REFUSE)
    sees(home, [(0.0, 0.0), (5.0, 5.0)], frame=1)
    build_dataset(plan, resolve(home, gather(home)), tmp_path / "d")
    dataset = Dataset(tmp_path / "d")
    assert dataset.manifest.counts["crowding"] == {"crowd": 1, "unknown": 3}  # of the others the device said nothing
    assert dataset.table("labels").num_rows == 0
    with pytest.raises(EmptyDatasetError):
        build_dataset(plan, resolve(home, gather(home, sites=["none"])), tmp_path / "e")


def test_crowding_is_the_share_that_touches() -> None:
    apart = [(0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 10.0, 10.0), (40.0, 0.0, 9.0, 9.0)]
    assert crowding_of(apart) == (Crowding.APART, 0.0)
    assert crowding_of([*apart, (45.0, 5.0, 9.0, 9.0), (100.0, 0.0, 1.0, 1.0)]) == (Crowding.SOME, 0.4)
    assert crowding_of([(0.0, 0.0, 10.0, 10.0), (5.0, 5.0, 9.0, 9.0)]) == (Crowding.CROWD, 1.0)
    assert crowding_of(np.empty((0, 4))) == (Crowding.EMPTY, 0.0)
    assert crowding_of(None) == (Crowding.UNKNOWN, None)
