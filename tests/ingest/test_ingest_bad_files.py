"""Files and manifests that are not what they should be: one clear message, an exit code of its own, nothing is lost."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from device_server import Device
from ingest_cases import (
    DAY,
    SENT,
    SPEC,
    Ingest,
    digest_of,
    landed_rows,
    rewrite,
    rewrite_manifest,
    say_truth,
    state_of_day,
)
from sqlalchemy import select

from herdbook.contracts.landed_day import landed_days
from herdbook.contracts.records import BOXES_SCHEMA, RECORDS, RecordKind
from herdbook.fleet.inventory import status
from herdbook.ledger.models import ClipState, DayState, FootageClip, QuarantineEntry
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.device_day import record_tables, write_clip, write_device_day


@pytest.mark.parametrize("damage", [lambda raw: raw[:-7], lambda raw: raw[:100] + b"\0" + raw[101:], lambda raw: b""])
@pytest.mark.parametrize("name", ["tracklet.parquet", "embedding.parquet"])
def test_truncated_or_altered_record_file(
    settings: Settings, device: Device, ingest: Ingest, name: str, damage: Callable[[bytes], bytes]
) -> None:
    folder = write_device_day(device.root, SPEC)
    device.altered[digest_of(folder, name)] = damage((folder / name).read_bytes())
    code, said = ingest()
    assert code == 33
    assert name in said
    assert not landed_days(settings.landing)
    assert not device.acknowledged
    device.altered.clear()
    assert ingest()[0] == 0, "the next attempt fetches it anew"
    assert landed_rows(settings) == SENT


def test_altered_clip_leaves_the_records_and_the_day_on_the_device(
    settings: Settings, device: Device, ingest: Ingest
) -> None:
    folder = write_device_day(device.root, SPEC)
    clip = next(folder.glob("*.mp4"))
    device.altered[digest_of(folder, clip.name)] = b"x" * clip.stat().st_size
    code, said = ingest()
    assert code == 33
    assert clip.name in said
    assert landed_rows(settings) == SENT
    assert not device.acknowledged
    device.altered.clear()
    assert ingest()[0] == 0
    assert device.acknowledged
    assert (settings.footage / SPEC.device_id / DAY / "r1" / clip.name).read_bytes() == clip.read_bytes()


def test_broken_clips_of_the_same_bytes_are_all_told(settings: Settings, device: Device, ingest: Ingest) -> None:
    folder = write_device_day(device.root, replace(SPEC, clips=3))
    broken = sorted(folder.glob("*.mp4"))[:2]
    for clip in broken:
        clip.write_text("no pictures")
        say_truth(folder, clip.name)
    assert ingest()[0] == 36
    with ledger_session(settings) as session:
        skipped = session.scalars(select(FootageClip.name).where(FootageClip.state == ClipState.SKIPPED))
        assert set(skipped) == {clip.name for clip in broken}
        assert {entry.file for entry in session.scalars(select(QuarantineEntry))} == {clip.name for clip in broken}


def test_manifest_that_lies_about_rows(settings: Settings, device: Device, ingest: Ingest) -> None:
    folder = write_device_day(device.root, SPEC)
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    next(file for file in files if file["kind"] == "bout")["rows"] += 1
    rewrite_manifest(folder, files=files)
    code, said = ingest()
    assert code == 35
    assert "bout.parquet" in said
    assert landed_rows(settings) == SENT | {RecordKind.BOUT: 0}
    aside = settings.quarantine / SPEC.device_id / DAY / "r1" / "bout.parquet"
    assert aside.read_bytes() == (folder / "bout.parquet").read_bytes()
    assert device.acknowledged, "what was set aside is durable here"


@pytest.mark.parametrize("kind", [RecordKind.COVERAGE, RecordKind.TRACKLET])
def test_without_coverage_or_tracklets_a_day_cannot_land(
    settings: Settings, device: Device, ingest: Ingest, kind: RecordKind
) -> None:
    folder = write_device_day(device.root, SPEC)
    rewrite(folder, kind, lambda table: table.drop_columns([table.column_names[-1]]))
    code, said = ingest()
    assert code == 34
    assert "cannot land" in said
    assert state_of_day(settings) is DayState.QUARANTINED
    assert not landed_days(settings.landing)
    assert not device.acknowledged
    assert (settings.quarantine / SPEC.device_id / DAY / "r1" / f"{kind.value}.parquet").exists()
    write_device_day(device.root, replace(SPEC, revision=2))
    assert ingest()[0] == 0, "a re-issued day lands"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..", "a/b", ".hidden"])
def test_manifest_that_names_a_path(settings: Settings, device: Device, ingest: Ingest, name: str) -> None:
    folder = write_device_day(device.root, SPEC)
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    next(file for file in files if file["kind"] == "clip")["name"] = name
    rewrite_manifest(folder, files=files)
    before = sorted(settings.home.parent.glob("*"))
    code, said = ingest()
    assert code == 32
    assert name in said
    assert "compromised" in said
    assert device.file_bytes == 0, "not one file was asked for"
    assert sorted(settings.home.parent.glob("*")) == before
    assert (settings.quarantine / SPEC.device_id / DAY / "r1" / "manifest.json").exists()


def test_manifest_that_is_none(device: Device, ingest: Ingest) -> None:
    folder = write_device_day(device.root, SPEC)
    (folder / "manifest.json").write_text("{}")
    assert ingest()[0] == 31


def test_manifest_of_another_device(device: Device, ingest: Ingest) -> None:
    folder = write_device_day(device.root, SPEC)
    rewrite_manifest(folder, device_id="barn-a-7")
    code, said = ingest()
    assert code == 31
    assert "barn-a-7" in said


def test_manifest_of_another_farm_is_a_matter_of_configuration(device: Device, ingest: Ingest) -> None:
    write_device_day(device.root, replace(SPEC, farm_id="other-farm"))
    code, said = ingest()
    assert code == 11
    assert "other-farm" in said


def test_revision_that_changed_before_it_landed(settings: Settings, device: Device, ingest: Ingest) -> None:
    folder = write_device_day(device.root, SPEC)
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    entry = next(file for file in files if file["kind"] == "coverage")
    entry["rows"] += 1
    rewrite_manifest(folder, files=files)
    assert ingest()[0] == 35
    entry["rows"] -= 1
    rewrite_manifest(folder, files=files)
    assert ingest()[0] == 31
    assert not landed_days(settings.landing)


def test_revision_older_than_the_one_that_landed(device: Device, ingest: Ingest) -> None:
    write_device_day(device.root, replace(SPEC, revision=2))
    assert ingest()[0] == 0
    shutil.rmtree(device.root)
    write_device_day(device.root, SPEC)
    device.acknowledged.clear()
    code, said = ingest()
    assert code == 31
    assert "reset" in said
    assert not device.acknowledged, "it keeps what it has"


@pytest.mark.parametrize("damage", ["rows", "columns"])
def test_boxes_that_are_wrong(settings: Settings, device: Device, ingest: Ingest, damage: str) -> None:
    folder = write_device_day(device.root, SPEC)
    boxes = next(folder.glob("*.boxes.parquet"))
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    if damage == "rows":
        next(file for file in files if file["name"] == boxes.name)["rows"] = 7
        rewrite_manifest(folder, files=files)
    else:
        pq.write_table(pa.table({"x": [1]}), boxes)
        say_truth(folder, boxes.name)
    code, said = ingest()
    assert code == (35 if damage == "rows" else 34)
    assert boxes.name in said
    assert landed_rows(settings) == SENT
    assert (settings.quarantine / SPEC.device_id / DAY / "r1" / boxes.name).exists()
    assert device.acknowledged


BOX = {"frame": 1, "x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0, "confidence": 0.5}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({}, 0),
        ({"clip": "../../x"}, 39),
        ({"clip": "other.mp4"}, 39),
        ({"tracklet_id": "barn-a-1:2026-03-02:cam:999999"}, 39),
        ({"at": datetime(1999, 1, 1, tzinfo=UTC)}, 37),
        ({"at": datetime(2026, 3, 3, tzinfo=UTC)}, 37),
        ({"frame": -5}, 60),
        ({"x": float("nan")}, 60),
        ({"width": float("inf")}, 60),
        ({"height": -1.0}, 60),
        ({"confidence": 1.5}, 60),
    ],
    ids=str,
)
def test_boxes_that_cannot_be_true(
    settings: Settings, device: Device, ingest: Ingest, wrong: dict[str, object], code: int
) -> None:
    folder = write_device_day(device.root, SPEC)
    clip, boxes = next(folder.glob("*.mp4")), next(folder.glob("*.boxes.parquet"))
    tracklet = record_tables(SPEC)[RecordKind.TRACKLET]["tracklet_id"][0].as_py()
    right = BOX | {"clip": clip.name, "at": datetime(2026, 3, 2, 6, 5, tzinfo=UTC), "tracklet_id": tracklet}
    pq.write_table(pa.Table.from_pylist([right, right | wrong], schema=BOXES_SCHEMA), boxes)
    say_truth(folder, boxes.name)
    found, said = ingest()
    assert found == code
    assert landed_rows(settings) == SENT
    place = settings.quarantine if code else settings.footage
    assert (place / SPEC.device_id / DAY / "r1" / boxes.name).exists()
    assert device.acknowledged
    if code:
        assert boxes.name in said
        assert "boxes are in quarantine" in said


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["files"][-1].update(bytes=10**12), "boxes files are said"),
        (lambda d: d["files"][-1].update(bytes=10**15), "bytes"),
        (lambda d: d["files"][0].update(bytes=10**12), "record files are said"),
        (lambda d: d["releases"][0].update(ethogram_id="pig-999"), "pig-999"),
        (lambda d: d["files"][-2].update(started_at="2026-02-27T06:00:00Z"), "not of the farm-local day"),
    ],
)
def test_manifest_that_cannot_be_true_is_refused_and_the_next_day_lands(
    settings: Settings, device: Device, ingest: Ingest, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    folder = write_device_day(device.root, SPEC)
    write_device_day(device.root, replace(SPEC, day=date(2026, 3, 3)))
    document = json.loads((folder / "manifest.json").read_bytes())
    change(document)
    (folder / "manifest.json").write_text(json.dumps(document))
    code, said = ingest(SPEC.device_id, "--until", "2026-03-03")
    assert code == 31
    assert says in said
    assert [landed.parent.name for landed in landed_days(settings.landing)] == ["2026-03-03"]
    assert status(settings)[0].state == "ManifestError"
    assert (settings.quarantine / SPEC.device_id / DAY / "r1" / "manifest.json").exists()


def test_revision_that_changed(settings: Settings, device: Device, ingest: Ingest) -> None:
    folder = write_device_day(device.root, SPEC)
    assert ingest()[0] == 0
    rewrite_manifest(folder, software_version="0.2.0")
    code, said = ingest()
    assert code == 31
    assert "never changes" in said
    assert landed_rows(settings) == SENT


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{video}\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize("content", ["These are not pictures.\n" * 50, PLAYLIST, ""])
def test_clip_that_is_a_text_file(
    settings: Settings, device: Device, ingest: Ingest, tmp_path: Path, content: str
) -> None:
    folder = write_device_day(device.root, SPEC)
    clip = next(folder.glob("*.mp4"))
    write_clip(tmp_path / "real.mp4")
    clip.write_text(content.format(video=tmp_path / "real.mp4"))
    say_truth(folder, clip.name)
    code, said = ingest()
    assert code == 36
    assert clip.name in said
    assert landed_rows(settings) == SENT
    assert (settings.quarantine / SPEC.device_id / DAY / "r1" / clip.name).read_bytes() == clip.read_bytes()
    kept = {path.name for path in (settings.footage / SPEC.device_id / DAY / "r1").iterdir()}
    assert kept == {clip.name.replace(".mp4", ".boxes.parquet")}, "its boxes stay"
    assert device.acknowledged


def test_clip_that_breaks_off(device: Device, ingest: Ingest) -> None:
    folder = write_device_day(device.root, SPEC)
    clip = next(folder.glob("*.mp4"))
    write_clip(clip, frames=200)
    raw = clip.read_bytes()
    clip.write_bytes(raw[: len(raw) // 2])
    say_truth(folder, clip.name)
    assert ingest()[0] == 36


@pytest.mark.parametrize("kind", RecordKind)
def test_record_file_that_is_not_parquet(device: Device, ingest: Ingest, kind: RecordKind) -> None:
    folder = write_device_day(device.root, SPEC)
    name = f"{kind.value}.parquet"
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    (folder / name).write_bytes(b"PAR1" + b"nonsense" * 20 + b"PAR1")
    entry = next(file for file in files if file["name"] == name)
    raw = (folder / name).read_bytes()
    entry |= {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    rewrite_manifest(folder, files=files)
    assert ingest()[0] == 34


def test_a_column_of_another_type(device: Device, ingest: Ingest) -> None:
    folder = write_device_day(device.root, SPEC)
    schema = RECORDS[RecordKind.BOUT].schema
    index = schema.get_field_index("probability")
    wider = schema.set(index, pa.field("probability", pa.float64(), nullable=False))
    rewrite(folder, RecordKind.BOUT, lambda table: table.cast(wider))
    code, said = ingest()
    assert code == 34
    assert "'probability'" in said
    assert "should be" in said
