"""What landed here and was damaged here is found and fetched again; the device is not blamed for our disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from device_server import Device
from ingest_cases import DAY, SENT, SPEC, digest_of, landed_rows

from herdbook.contracts.landed_day import landed_days, read_landed_day, verify_landed_day
from herdbook.errors import NotFoundError
from herdbook.ingest.night import ingest_device
from herdbook.ingest.pull import ingest_day
from herdbook.ingest.result import IngestState
from herdbook.settings import Settings
from support.device_day import write_device_day


def other_bytes(path: Path) -> None:
    """As many, all different."""
    path.write_bytes(bytes(255 - byte for byte in path.read_bytes()))


@pytest.fixture
def sent(device: Device) -> Path:
    return write_device_day(device.root, SPEC)


@pytest.fixture
def landed(settings: Settings, sent: Path) -> Path:
    ingest_day(settings, SPEC.device_id, SPEC.day)
    (folder,) = landed_days(settings.landing)
    return folder


@pytest.mark.parametrize("damage", [other_bytes, Path.unlink])
def test_a_damaged_record_file_is_fetched_again(
    settings: Settings, device: Device, sent: Path, landed: Path, damage: Callable[[Path], None]
) -> None:
    damage(landed / "files" / "bout.parquet")
    assert ingest_device(settings, SPEC.device_id, SPEC.day) == [], "a night does not read what it has"
    device.requests.clear()
    assert ingest_day(settings, SPEC.device_id, SPEC.day).state is IngestState.LANDED
    files = [request for request in device.requests if "/v1/files/" in request]
    assert files == [f"/v1/files/{digest_of(sent, 'bout.parquet')}"], "the rest was here"
    verify_landed_day(read_landed_day(landed))
    assert landed_rows(settings) == SENT
    assert ingest_day(settings, SPEC.device_id, SPEC.day).state is IngestState.UNCHANGED


def test_what_the_device_has_freed_comes_from_a_backup(
    settings: Settings, device: Device, sent: Path, landed: Path, tmp_path: Path
) -> None:
    shutil.copytree(landed, tmp_path / "backup")
    (landed / "files" / "bout.parquet").unlink()
    for file in sent.glob("*.parquet"):
        file.unlink()
    device.stored.clear()
    with pytest.raises(NotFoundError, match="may have freed it") as caught:
        ingest_day(settings, SPEC.device_id, SPEC.day)
    assert str(landed) in caught.value.remedy
    shutil.copytree(tmp_path / "backup", landed, dirs_exist_ok=True)
    assert ingest_day(settings, SPEC.device_id, SPEC.day).state is IngestState.LANDED
    assert landed_rows(settings) == SENT


def test_an_altered_file_that_lies_here_already_is_not_held_against_the_device(
    settings: Settings, device: Device, sent: Path
) -> None:
    files = settings.landing / SPEC.device_id / DAY / "r1" / "files"
    files.mkdir(parents=True)
    for file in sent.glob("*.parquet"):
        shutil.copyfile(file, files / file.name)
    other_bytes(files / "tracklet.parquet")
    result = ingest_day(settings, SPEC.device_id, SPEC.day)
    assert (result.state, result.findings) == (IngestState.LANDED, ())
    assert landed_rows(settings) == SENT


def test_an_altered_clip_of_an_earlier_revision_is_not_passed_on(
    settings: Settings, device: Device, sent: Path
) -> None:
    ingest_day(settings, SPEC.device_id, SPEC.day)
    footage = settings.footage / SPEC.device_id / DAY
    clip = next(sent.glob("*.mp4"))
    other_bytes(footage / "r1" / clip.name)
    again = device.root / "days" / DAY / "r2"
    shutil.copytree(sent, again)
    manifest = again / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"revision": 1', b'"revision": 2'))
    assert ingest_day(settings, SPEC.device_id, SPEC.day).revision == 2
    assert (footage / "r2" / clip.name).read_bytes() == clip.read_bytes()
