"""`herdbook simulate farm`."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

OPTIONS = [
    *("--days", "1", "--pens", "1", "--animals", "2", "--lame", "1", "--outages", "0"),
    *("--clips", "2", "--clip-seconds", "2", "--fps", "2", "--width", "160", "--height", "120"),
]


def _command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "herdbook", *map(str, arguments)]


def _herdbook(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(*arguments), capture_output=True, text=True, check=False)


def test_it_prints_what_it_wrote_as_json(tmp_path: Path) -> None:
    done = _herdbook("simulate", "farm", tmp_path / "farm", *OPTIONS, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["days"] == [
        {"device_id": "barn-a-1", "day": "2026-03-02", "clips": 2, "frames": 8, "outages": 0, "skipped": False}
    ]
    assert (Path(said["devices"]) / "barn-a-1" / "device.yaml").is_file()


def test_a_wrong_wish_ends_with_one_clear_message(tmp_path: Path) -> None:
    done = _herdbook("simulate", "farm", tmp_path / "farm", "--timezone", "Mars/Olympus")
    assert done.returncode == 11
    assert "Mars/Olympus" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "farm").exists()
    assert _herdbook("simulate", "farm", tmp_path / "farm", "--start-day", "soon").returncode == 2


@pytest.mark.slow
def test_interrupted_while_devices_run_side_by_side_it_ends_soon_and_continues_to_the_same_bytes(
    tmp_path: Path,
) -> None:
    def tree(folder: Path) -> dict[str, str]:
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    options = ["--days", "2", "--animals", "3", "--clips", "4", "--clip-seconds", "6", "--jobs", "2"]
    assert _herdbook("simulate", "farm", tmp_path / "whole", *options).returncode == 0
    out = tmp_path / "farm"
    process = subprocess.Popen(_command("simulate", "farm", out, *options), stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(out.glob("devices/*/footage/*/*.mp4")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert not list(out.glob("truth/*/2026-03-03"))
    assert _herdbook("simulate", "farm", out, *options).returncode == 0
    assert tree(out) == tree(tmp_path / "whole")
