"""A disk that fills: said before or while it happens, and the next run goes on where this one stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from device_server import Device
from ingest_cases import SPEC, say_truth

from support.device_day import write_device_day

HERE = Path(__file__).parent
PRIVATE_MOUNTS = ["unshare", "--map-root-user", "--mount"]
CLIP_BYTES = 12_000_000


def test_a_disk_that_fills(device: Device, tmp_path: Path) -> None:
    probe = [*PRIVATE_MOUNTS, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a small disk of our own")
    folder = write_device_day(device.root, SPEC)
    clip = next(folder.glob("*.mp4"))
    # Random bytes behind the pictures: an MP4 box of type "free", which players pass over.
    with clip.open("ab") as stream:
        stream.write((CLIP_BYTES + 8).to_bytes(4) + b"free" + os.urandom(CLIP_BYTES))
    say_truth(folder, clip.name)
    disk = tmp_path / "disk"
    disk.mkdir()
    run = subprocess.run(
        [*PRIVATE_MOUNTS, sys.executable, HERE / "full_disk.py", disk, device.url],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    before, during = found["said"]
    assert before[0] == during[0] == 41
    assert "free" in before[1]
    assert "no space left" in during[1]
    assert "continues where it stopped" in during[2]
    assert found["landed"] == 1, "the records had landed before the footage filled the disk"
    assert found["state"] == "landed"
    assert 0 < found["bytes"] < CLIP_BYTES, "only the rest was fetched"
    assert device.acknowledged == {(SPEC.day.isoformat(), 1)}
