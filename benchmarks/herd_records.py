"""A year of a thousand animals: written, loaded, and drawn on the day level alone.

Ours is `simulate_herd` in one process and the bulk load of what it wrote; the baseline of the load is the nightly load
of a device day of the same size, of which a year of five devices would need 1,825. Memory is the process's peak.
Figures are kept in ``results/herd-records.json``.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from herdbook.contracts.bulk import read_part
from herdbook.lake.attach import kept_open
from herdbook.lake.bulk import load_parts
from herdbook.lake.load import load_device_day
from herdbook.lake.migrate import migrate
from herdbook.settings import Settings
from herdbook.simulate.herd import herd_days, make_herd_plan
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.herd.run import simulate_herd
from support.device_day import DaySpec, land, write_device_day

PLAN: dict[str, Any] = {}
"""The default: 5 devices with 10 pens of 20 places, 365 days, no embeddings."""
DRAWS = 10
RESULTS = Path(__file__).parent / "results"
# a device day of the default plan: 184 animals, about 2,300 tracklets and 11,500 bouts
DAY = DaySpec(animals=184, tracklets_per_animal=12, bouts_per_tracklet=5, embeddings_per_tracklet=1, cameras=10)


def run() -> list[dict[str, Any]]:
    """One row per step; seconds are of the wall clock, on a machine that may be doing other things."""
    plan = make_herd_plan(PLAN)
    folder = Path(tempfile.mkdtemp(prefix="herdbook-bench-"))
    try:
        found = _measure(plan, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    nightly = found["nightly_rows_per_s"]
    return [
        _row("herd written, one process", found["bouts"] / found["write_cpu_s"], None, "bouts/s of CPU time"),
        _row("herd written, peak memory", found["write_peak_mib"], None, "MiB"),
        _row("herd loaded", found["rows"] / found["load_s"], nightly, "rows/s"),
        _row("herd drawn on the day level", found["draw_cpu_ms"], None, "ms of CPU time"),
    ]


def _measure(plan: HerdPlan, folder: Path) -> dict[str, Any]:
    """Figures are kept after each step: the whole takes long, and each stands for itself."""
    draws = []
    for seed in range(DRAWS):
        begun = time.process_time()
        days = herd_days(plan.model_copy(update={"seed": seed})).days.num_rows
        draws.append((time.process_time() - begun) * 1000)
    found: dict[str, Any] = {
        "cpus": os.cpu_count(),
        "load_average_before": round(os.getloadavg()[0], 1),
        "animal_days": days,
        "draw_cpu_ms": round(statistics.median(draws), 1),
        "nightly_rows_per_s": round(_nightly(folder / "night")),
    }
    found |= _keep(found | _in_own_process(folder / "herd", plan))
    settings = Settings(home=folder / "home")
    migrate(settings)
    with kept_open():
        wall, cpu = time.perf_counter(), time.process_time()
        load_parts(settings, folder / "herd")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    loaded = {"load_s": round(wall, 3), "load_cpu_s": round(cpu, 3), "load_peak_mib": peak}
    return _keep(found | loaded | {"lake_bytes": _bytes(folder / "home" / "lake")})


def _keep(found: dict[str, Any]) -> dict[str, Any]:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "herd-records.json").write_text(json.dumps(found, indent=1) + "\n")
    return found


def _in_own_process(out: Path, plan: HerdPlan) -> dict[str, Any]:
    """Memory is the most that a process ever had: this one has had other things."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.herd_records", str(out), plan.model_dump_json()],
        check=True,
        stdout=subprocess.PIPE,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _write(out: Path, plan: HerdPlan) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    simulate_herd(plan, out)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    files = [f for folder in sorted((out / "parts").iterdir()) for f in read_part(folder).files]
    return {
        "bouts": sum(f.rows for f in files if f.table == "record.bout"),
        "rows": sum(f.rows for f in files),
        "write_s": round(wall, 3),
        "write_cpu_s": round(cpu, 3),
        "write_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "parts_bytes": _bytes(out / "parts"),
        "truth_bytes": _bytes(out / "truth"),
    }


def _nightly(home: Path) -> float:
    """Rows per second of the nightly load, the median of five days."""
    settings = Settings(home=home)
    migrate(settings)
    speeds = []
    with kept_open():
        for n in range(5):
            spec = DaySpec(**{**vars(DAY), "device_id": f"barn-a-{n + 1}"})
            landed = land(settings.landing, write_device_day(home / spec.device_id, spec))
            begun = time.perf_counter()
            rows = load_device_day(settings, landed).rows
            speeds.append(rows / (time.perf_counter() - begun))
    return statistics.median(speeds)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _row(name: str, ours: float, baseline: float | None, unit: str) -> dict[str, Any]:
    ratio = None if baseline is None else round(ours / baseline, 2)
    return {"name": name, "ours": round(ours), "baseline": baseline, "unit": unit, "ratio": ratio, "aim": None}


if __name__ == "__main__":
    print(json.dumps(_write(Path(sys.argv[1]), HerdPlan.model_validate_json(sys.argv[2]))))
