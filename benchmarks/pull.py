"""Pulling footage from a real agent, hashed and made durable, against ``curl`` of the same bytes into files."""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from herdbook.contracts.camera import Camera
from herdbook.contracts.device_day import DayFile, FileKind, Manifest
from herdbook.contracts.records import RecordKind, record_table
from herdbook.edge.config import MOTION_RELEASE
from herdbook.edge.tokens import new_token_file
from herdbook.ingest.client import AgentClient
from herdbook.ingest.fetch import Wanted, fetch_all
from herdbook.processes.background import Background

FILES = 12
FILE_BYTES = 64 * 1024 * 1024
ROUNDS = 7
PARALLEL = 4
AIM = 0.9

DEVICE = """
device_id: bench
farm_id: bench-farm
timezone: UTC
cameras:
  - {camera_id: cam-1, pen_id: pen-1, width: 320, height: 240, fps: 4, source: nowhere}
"""


def run() -> list[dict[str, Any]]:
    """Throughput in MB/s, the median of rounds in which both take turns; the ratio is the median of the rounds'."""
    if shutil.which("curl") is None:
        sys.exit("curl is the baseline of this benchmark: install it")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "device")
        clips = _make_device(root)
        command = [sys.executable, "-m", "herdbook", "edge", "serve", "--root", str(root), "--port", "0"]
        with Background("agent", command, root / "agent.log", dict(os.environ)) as agent:
            url = agent.wait_for(r"http://\S+")
            token = (root / "token").read_text().strip()
            return [_compare(url, token, clips, Path(folder, "out"), parallel) for parallel in (1, PARALLEL)]


def _compare(url: str, token: str, clips: list[DayFile], out: Path, parallel: int) -> dict[str, Any]:
    ours, baseline = [], []
    for number in range(ROUNDS + 1):
        a, b = _ours(url, token, clips, out, parallel), _curl(url, token, clips, out, parallel)
        if number:  # the first warms the page cache
            ours.append(a)
            baseline.append(b)
    return {
        "name": f"pull, {parallel} at once",
        "ours": round(statistics.median(ours), 1),
        "baseline": round(statistics.median(baseline), 1),
        "unit": "MB/s",
        "ratio": round(statistics.median(a / b for a, b in zip(ours, baseline, strict=True)), 3),
        "aim": AIM,
    }


def _ours(url: str, token: str, clips: list[DayFile], out: Path, parallel: int) -> float:
    parts = _fresh(out) / "parts"
    parts.mkdir()
    wanted = [Wanted(clip.sha256, clip.bytes, (out / clip.name,)) for clip in clips]
    begin = time.perf_counter()
    with AgentClient("bench", url, token) as client:
        fetch_all(client, wanted, parts, parallel=parallel, on_bytes=lambda _: None)
    return _rate(clips, begin)


def _curl(url: str, token: str, clips: list[DayFile], out: Path, parallel: int) -> float:
    _fresh(out)
    command = ["curl", "--silent", "--show-error", "--fail", "--header", f"Authorization: Bearer {token}"]
    command += ["--parallel", "--parallel-max", str(parallel)] if parallel > 1 else []
    for clip in clips:
        command += ["--output", str(out / clip.name), f"{url}/v1/files/{clip.sha256}"]
    begin = time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return _rate(clips, begin)


def _rate(clips: list[DayFile], begin: float) -> float:
    return sum(clip.bytes for clip in clips) / 1e6 / (time.perf_counter() - begin)


def _fresh(out: Path) -> Path:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    os.sync()  # what one of both wrote is not the other's to flush
    return out


def _make_device(root: Path) -> list[DayFile]:
    """A device folder with one day of incompressible "clips" and no records."""
    day = date(2026, 3, 2)
    folder = root / "days" / day.isoformat() / "r1"
    folder.mkdir(parents=True)
    (root / "device.yaml").write_text(DEVICE)
    new_token_file(root / "token")
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    files = []
    for kind in RecordKind:
        name = f"{kind.value}.parquet"
        pq.write_table(record_table(kind, []), folder / name)
        files.append(_entry(folder / name, FileKind(kind.value), rows=0))
    for i in range(FILES):
        path = folder / f"clip-{i:02d}.mp4"
        path.write_bytes(os.urandom(FILE_BYTES))
        begin = midnight + timedelta(minutes=5 * i)
        interval = {"camera_id": "cam-1", "started_at": begin, "ended_at": begin + timedelta(minutes=5)}
        files.append(_entry(path, FileKind.CLIP, **interval))
    manifest = Manifest(
        device_id="bench",
        farm_id="bench-farm",
        day=day,
        timezone="UTC",
        revision=1,
        final=True,
        issued_at=midnight + timedelta(days=1),
        software_version="0",
        releases=(MOTION_RELEASE,),
        cameras=(Camera(camera_id="cam-1", pen_id="pen-1", width=320, height=240, fps=4),),
        files=tuple(files),
    )
    (folder / "manifest.json").write_bytes(manifest.to_bytes())
    return list(manifest.of_kind(FileKind.CLIP))


def _entry(path: Path, kind: FileKind, **more: Any) -> DayFile:
    raw = path.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    return DayFile(kind=kind, name=path.name, bytes=len(raw), sha256=digest, **more)
