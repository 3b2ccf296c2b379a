"""A disk that fills under an installation: said before or while it happens, and nothing half installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.trust import Platform

HERE = Path(__file__).parent
PRIVATE_MOUNTS = ["unshare", "--map-root-user", "--mount"]


@pytest.mark.slow
def test_a_disk_that_fills_under_an_installation(platform: Platform, tmp_path: Path) -> None:
    probe = [*PRIVATE_MOUNTS, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a small disk of our own")
    platform.publish("compact-2", sizes=500_000)
    platform.assign(platform.assignment("compact-2"))
    disk = tmp_path / "disk"
    disk.mkdir()
    root_file = tmp_path / "root.json"
    root_file.write_bytes(platform.root_document())
    run = subprocess.run(
        [*PRIVATE_MOUNTS, sys.executable, HERE / "full_disk_install.py", disk, platform.url, root_file],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    before, during = found["said"]
    assert "the release needs 25" in before
    assert "no space left" in during
    assert found["held"] > 0, "what came is kept, and not asked for again"
    assert found["there"] == [], "a release appears whole, or not at all"
    assert {"release.json", "student.npz"} <= set(found["files"])
