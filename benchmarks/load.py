"""Rows per second into the lake, against a plain DuckDB ``COPY`` of the same Parquet files.

Ours is all that a load does once the night has opened the lake: refuse what is loaded, append five record tables and
the manifest in one transaction, flush the files to disk, commit. The baseline reads and writes the same rows, flushes
nothing and promises nothing. Both in one process with a connection that is open, in turns; the median of each counts.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.rounds import rounds
from herdbook.contracts.landed_day import LandedDay
from herdbook.contracts.records import RecordKind
from herdbook.lake.attach import kept_open
from herdbook.lake.load import load_device_day
from herdbook.lake.migrate import migrate
from herdbook.settings import Settings
from support.device_day import RELEASE, DaySpec, land, write_device_day

ROUNDS = 5
AIM = 0.7

# What one device sees in a day: four cameras over 60 animals; and what a server with the cameras of a whole barn would.
SIZES = {
    "device of 4 cameras": DaySpec(
        animals=60, tracklets_per_animal=60, bouts_per_tracklet=6, embeddings_per_tracklet=4, cameras=4
    ),
    "barn of 32 cameras": DaySpec(
        animals=480, tracklets_per_animal=60, bouts_per_tracklet=6, embeddings_per_tracklet=4, cameras=32
    ),
}


def run() -> list[dict[str, Any]]:
    """One row per size, rows per second."""
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as folder:
        return [_compare(Path(folder) / str(n), name, spec) for n, (name, spec) in enumerate(SIZES.items())]


def _compare(home: Path, name: str, spec: DaySpec) -> dict[str, Any]:
    spec = replace(spec, release=RELEASE.model_copy(update={"dimensions": 384}))
    first = write_device_day(home / "device", spec)
    settings = Settings(home=home)
    migrate(settings)
    with kept_open():
        return _rounds(name, settings, first)


def _rounds(name: str, settings: Settings, first: Path) -> dict[str, Any]:
    ours, baseline, rows = [], [], 0
    plain = duckdb.connect()
    for n in rounds(ROUNDS, f"loads, {name}"):
        landed = _same_rows_another_day(settings, first, n)
        rows = sum(landed.landing.rows.values())
        begun = time.perf_counter()
        load_device_day(settings, landed)
        between = time.perf_counter()
        for kind in RecordKind:
            target = settings.home / f"{kind.value}.parquet"
            plain.execute(f"COPY (FROM read_parquet('{landed.record_path(kind)}')) TO '{target}' (FORMAT parquet)")
        if n:
            ours.append(rows / (between - begun))
            baseline.append(rows / (time.perf_counter() - between))
    plain.close()
    mine, theirs = statistics.median(ours), statistics.median(baseline)
    return {
        "name": f"load, {name} ({rows} rows)",
        "ours": round(mine),
        "baseline": round(theirs),
        "unit": "rows/s",
        "ratio": round(mine / theirs, 2),
        "aim": AIM,
    }


def _same_rows_another_day(settings: Settings, day: Path, n: int) -> LandedDay:
    """The day's rows under another date: what is compared is writing, and it is the same bytes each time."""
    landed = land(settings.landing / str(n), day)
    manifest = landed.manifest.model_copy(update={"day": landed.manifest.day + timedelta(n)})
    return landed.model_copy(update={"manifest": manifest})
