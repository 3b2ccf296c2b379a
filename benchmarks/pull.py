"""Pulling footage from a real agent, hashed and made durable, against ``curl`` of the same bytes into files."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rounds import rounds
from herdbook.contracts.device_day import DayFile, FileKind, parse_manifest
from herdbook.edge.init import TOKEN_NAME
from herdbook.ingest.client import AgentClient
from herdbook.ingest.fetch import Wanted, fetch_all
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings
from support.agents import make_device, serving
from support.device_day import DaySpec

DAY = DaySpec(animals=1, clips=12, clip_bytes=64 * 1024 * 1024)
ROUNDS = 7
PARALLEL = 4
AIM = 0.9


def run() -> list[dict[str, Any]]:
    """Throughput in MB/s, the median of rounds in which both take turns; the ratio is the median of the rounds'."""
    if shutil.which("curl") is None:
        sys.exit("curl is the baseline of this benchmark: install it")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder, "home"))
        upgrade(settings)
        root = make_device(Path(folder, DAY.device_id), DAY.device_id, [DAY.day], DAY)
        (manifest,) = root.glob("days/*/*/manifest.json")
        clips = list(parse_manifest(manifest.read_bytes()).of_kind(FileKind.CLIP))
        token = (root / TOKEN_NAME).read_text().strip()
        with serving(settings, root) as url:
            return [_compare(url, token, clips, Path(folder, "out"), parallel) for parallel in (1, PARALLEL)]


def _compare(url: str, token: str, clips: list[DayFile], out: Path, parallel: int) -> dict[str, Any]:
    ours, baseline = [], []
    for number in rounds(ROUNDS, f"pulls, {parallel} at once"):
        a, b = _ours(url, token, clips, out, parallel), _curl(url, token, clips, out, parallel)
        if number:
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
    with AgentClient(DAY.device_id, url, token) as client:
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
