"""What landed is read back byte for byte, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from herdbook.contracts.landed_day import LandedDay, read_landed_day, verify_landed_day
from herdbook.contracts.records import RecordKind
from herdbook.errors import LandedDayError
from support.device_day import land, write_device_day


@pytest.fixture
def day(tmp_path: Path) -> LandedDay:
    return land(tmp_path / "landing", write_device_day(tmp_path / "device"))


def test_a_landed_day_reads_back(day: LandedDay) -> None:
    read = read_landed_day(day.folder)
    assert read == day
    verify_landed_day(read)


@pytest.mark.parametrize("kind", RecordKind)
def test_a_changed_byte_in_any_record_file_is_found(day: LandedDay, kind: RecordKind) -> None:
    path = day.record_path(kind)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(LandedDayError, match=f"{kind.value}.parquet was altered"):
        verify_landed_day(day)
    path.unlink()
    with pytest.raises(LandedDayError, match=f"{kind.value}.parquet is gone"):
        verify_landed_day(day)


@pytest.mark.parametrize("name", ["landed.json", "manifest.json"])
@pytest.mark.parametrize("content", [b"", b"{}", None])
def test_half_a_folder_has_not_landed(day: LandedDay, name: str, content: bytes | None) -> None:
    (day.folder / name).unlink() if content is None else (day.folder / name).write_bytes(content)
    with pytest.raises(LandedDayError):
        read_landed_day(day.folder)


def test_a_marker_speaks_of_every_record_kind(day: LandedDay) -> None:
    marker = day.folder / "landed.json"
    told = json.loads(marker.read_bytes())
    del told["sha256"]["bout"]
    marker.write_text(json.dumps(told))
    with pytest.raises(LandedDayError, match="every record kind"):
        read_landed_day(day.folder)
