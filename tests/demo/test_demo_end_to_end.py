"""The whole demo: interrupted, continued, with a video of one's own, kept running, and gone without a trace."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

import herdbook
from herdbook.learning.registry.origin import take_origin

PAIR = Path(__file__).parents[3] / "shared" / "data" / "footage" / "pair.mp4"
COMMAND = [sys.executable, "-m", "herdbook", "demo"]


def left_running(home: Path) -> list[str]:
    """Commands of processes that were started for this home."""
    mark = f"HERDBOOK_HOME={home}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def started(home: Path, *options: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, options)],
        env={**os.environ, "HERDBOOK_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(pattern, line):
            return found.group()
    raise AssertionError(f"it ended before it said {pattern}")


def evaluated(boxes: Path) -> dict[str, float]:
    """By the line that the demo ends with."""
    command = [*COMMAND[:-1], "evaluate", "mot", "--pred", boxes, "--truth", PAIR.with_name("pair_gt.txt"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
def test_interrupted_continued_and_kept_running(tmp_path: Path) -> None:
    home = tmp_path / "home"
    demo = started(home)
    read_until(demo, "Record it on two devices")
    time.sleep(3)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(90) == 130
    assert left_running(home) == []

    video = ("--video", PAIR) if PAIR.exists() else ()
    demo = started(home, "--json", *video)
    out, err = demo.communicate(timeout=3000)
    assert demo.returncode == 0, err
    assert left_running(home) == []
    assert "Simulate a farm (done by an earlier run)" in err
    result = json.loads(out)
    lame, sound = result["answer"]
    assert (lame["animals"], lame["n"], sound["animals"], sound["n"]) == ("lame", 4, "sound", 12)
    assert lame["observed_hours"] > 0.3
    assert lame["lying_min_per_observed_hour"] > sound["lying_min_per_observed_hour"]
    assert lame["metres_per_observed_hour"] < sound["metres_per_observed_hour"]
    with herdbook.connect(result["published"]) as herd:
        devices = herd.execute("SELECT device_id FROM tracklet GROUP BY device_id ORDER BY device_id").fetchall()
    assert [d for (d,) in devices][:2] == ["barn-a-1", "barn-a-2"]
    assert len(devices) == (3 if video else 2)
    if video:
        score = evaluated(Path(result["boxes"]))
        assert score["mota"] > 0.9
        assert score["idf1"] > 0.9

    by_engine = {one["engine"]["release"]["engine"]: one["overall"]["figures"] for one in result["judged"]}
    assert by_engine["compact"]["mota"]["value"] > by_engine["motion"]["mota"]["value"]
    assert ("is champion" in result["student"]) is not take_origin().dirty, "uncommitted code is never promoted"

    demo = started(home, "--stay")
    url = read_until(demo, r"http://127.0.0.1:\d+")
    assert httpx.get(f"{url}/api/v2/monitor/health").is_success
    assert httpx.get(f"{url}/api/v2/dags").status_code == 401, "not open to anyone"
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(90) in (0, 130)
    assert left_running(home) == []


def test_what_is_no_video_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("this is text")
    for name in ("notes.mp4", "nowhere.mp4"):
        demo = started(tmp_path / "home", "--video", tmp_path / name)
        _, err = demo.communicate(timeout=60)
        assert demo.returncode == 14
        assert name in err
        assert "Traceback" not in err
    assert not (tmp_path / "home").exists()
