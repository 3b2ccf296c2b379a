"""The demo's own camera."""

from __future__ import annotations

from pathlib import Path

from herdbook.demo.place import OwnCamera


def test_another_video_is_another_device(tmp_path: Path) -> None:
    first, second = tmp_path / "a.mp4", tmp_path / "b.mp4"
    first.write_bytes(b"1")
    second.write_bytes(b"22")
    names = {OwnCamera(first).device_id, OwnCamera(second).device_id}
    assert len(names) == 2
    assert OwnCamera(first).device_id in names
