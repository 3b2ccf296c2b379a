"""The recorder killed at random moments, and a disk that fills."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from edge_cases import DAY, MakeDevice

from herdbook.edge.config import write_device_config
from herdbook.edge.days import DayStore
from herdbook.errors import DiskFullError


def command(root: Path, device: Path) -> list[str]:
    options = ["--root", str(root), "--device", str(device), "--day", str(DAY), "--final", "--json"]
    return [sys.executable, "-m", "herdbook", "edge", "record", *options]


@pytest.mark.slow
def test_a_recorder_killed_at_random_moments_leaves_whole_days_or_none(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path
) -> None:
    write_device_config(tmp_path / "device.yaml", make_device(clip_folder))
    undisturbed = command(tmp_path / "undisturbed", tmp_path / "device.yaml")
    began = time.monotonic()
    subprocess.run(undisturbed, check=True, capture_output=True)
    usual = time.monotonic() - began
    moments = random.Random(0)
    root = tmp_path / "root"
    for _ in range(8):
        with subprocess.Popen(
            command(root, tmp_path / "device.yaml"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            time.sleep(moments.uniform(0.3, 1.0) * usual)
            process.kill()
        stored = DayStore(root).latest(DAY)
        assert list(DayStore(root).broken()) == []
        assert stored is None or all(stored.path_of(f).stat().st_size == f.bytes for f in stored.manifest.files)
    subprocess.run(command(root, tmp_path / "device.yaml"), check=True, capture_output=True)
    whole, expected = DayStore(root).latest(DAY), DayStore(tmp_path / "undisturbed").latest(DAY)
    assert whole is not None
    assert expected is not None
    assert whole.manifest.revision == 1
    assert whole.manifest.files == expected.manifest.files
    assert [p.name for p in whole.folder.parent.iterdir()] == ["r1"]


_ON_A_SMALL_DISK = """
import subprocess, sys
from herdbook.cli import main
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={sys.argv.pop(1)}", "tmpfs", sys.argv.pop(1)], check=True)
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(
    subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0,
    reason="this system does not let a test mount a small disk",
)
def test_a_full_disk_is_said_with_its_own_code_and_leaves_what_was_there(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    write_device_config(tmp_path / "device.yaml", make_device(clip_folder))
    arguments = command(disk / "root", tmp_path / "device.yaml")[3:]

    def on_disk_of(size: str) -> subprocess.CompletedProcess[str]:
        line = ["unshare", "--mount", sys.executable, "-c", _ON_A_SMALL_DISK, size, str(disk), *arguments]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    full = on_disk_of("100k")
    assert full.returncode == DiskFullError.exit_code
    assert "no space left" in full.stderr
    assert "Traceback" not in full.stderr
    assert json.loads(on_disk_of("10m").stdout)[0]["state"] == "issued"
