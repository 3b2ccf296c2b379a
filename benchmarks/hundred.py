"""A hundred devices in one bad night: what it costs a device, what each fault did, and that nothing is lost.

10 % of connections are cut, two devices are off, one has a full disk, a worker is killed with SIGKILL and PostgreSQL
crashes, in the ingest and again in the load. The tasks are the DAGs' commands, on workers of their own with Airflow's
retries (a second apart instead of minutes). The baseline is the same night without any of it, and after the next night
the lake must be the same row for row; the benchmark ends with an error where it is not.

``HERDBOOK_BENCH_DEVICES`` asks for another number of devices.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from herdbook.cli.output import console
from herdbook.errors import all_errors
from herdbook.settings import Settings
from support.bad_night import told
from support.hundred_nights import Nights, on_postgres, processors, twins, two_nights
from support.lake_content import lake_content, without
from support.many_devices import FIRST, NightRun, environment, make_platform, run_night, serving
from support.night_workers import KILLED, Workers
from support.postgres import running_cluster

DEVICES = int(os.environ.get("HERDBOOK_BENCH_DEVICES", "100"))
WORKERS = 4
RESULTS = Path(__file__).parent / "results"


def run() -> list[dict[str, Any]]:
    """Seconds per device; the ratio is bad over calm."""
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as place, running_cluster() as cluster:
        folder = Path(place)
        devices, calm_devices = twins(folder, DEVICES)
        calm, expected = _calm(on_postgres(cluster, folder / "calm"), calm_devices)
        nights = two_nights(on_postgres(cluster, folder / "home"), cluster, devices, workers=WORKERS, delay_s=1.0)
        wrong = _wrong(nights, expected)
        _write(nights, calm, wrong)
        _say(nights)
        if wrong:
            sys.exit("the lake is not that of an undisturbed night: " + "; ".join(wrong))
        return _rows(nights, calm)


def _calm(settings: Settings, devices: Path) -> tuple[NightRun, dict[str, list[str]]]:
    lines = make_platform(settings, devices)
    with serving(devices, lines), Workers(WORKERS, environment(settings)) as pool:
        night = run_night(settings, list(lines.ports), FIRST, pool)
    return night, lake_content(settings)


def _wrong(nights: Nights, expected: dict[str, list[str]]) -> list[str]:
    said = [f"{task.name} failed: {task.tries[-1]['said']}" for task in nights.after.tasks if not task.done]
    for when, content, but in (("that night", nights.content, nights.off), ("the next", nights.content_after, [])):
        mine, theirs = without(content, but), without(expected, but)
        said += [f"{name} differs after {when}" for name in theirs if mine[name] != theirs[name]]
    said += [f"{device} was not told that its day is safe" for device in nights.owed]
    return said


def _seconds(night: NightRun) -> dict[str, dict[str, float]]:
    phases = {"ingest": night.ingest, "load": night.load, "publish": night.publish}
    return {
        name: {"wall_s": round(night.wall_s[name], 2), "processor_s": round(sum(t.cpu_s for t in tasks), 2)}
        for name, tasks in phases.items()
    }


def _codes(counts: Counter[int]) -> dict[str, int]:
    names = {error.exit_code: error.__name__ for error in all_errors()} | {KILLED: "worker killed"}
    return {names.get(code, str(code)): count for code, count in sorted(counts.items())}


def _write(nights: Nights, calm: NightRun, wrong: list[str]) -> None:
    found = {
        "devices": len(nights.devices),
        "processors": processors(),
        "workers": WORKERS,
        "calm": _seconds(calm),
        "bad": _seconds(nights.bad),
        "next": _seconds(nights.after),
        "connections": dict(nights.lines),
        "failed tries, bad night": _codes(nights.bad.retries),
        "failed tries, next night": _codes(nights.after.retries),
        "agents_processor_s": round(nights.agents_s, 2),
        "off": nights.off,
        "full disk": nights.full if nights.full_mounted else "could not be mounted here",
        "done": nights.mischief,
        "rows": {name: len(rows) for name, rows in nights.content_after.items()},
        "wrong": wrong,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "hundred.json").write_text(json.dumps(found, indent=1) + "\n")


def _say(nights: Nights) -> None:
    lines = nights.lines
    console.print(f"{lines['cut']} of {lines['all']} connections cut; off: {', '.join(nights.off)}")
    console.print(f"full disk: {nights.full if nights.full_mounted else 'could not be mounted here'}")
    for deed in nights.mischief:
        console.print(deed)
    for line in told(nights.bad.tasks):
        console.print(f"  {line}", markup=False, soft_wrap=True)


def _rows(nights: Nights, calm: NightRun) -> list[dict[str, Any]]:
    count, rows = len(nights.devices), []
    for what in ("wall_s", "processor_s"):
        bad, fine = (sum(phase[what] for phase in _seconds(night).values()) / count for night in (nights.bad, calm))
        name = {"wall_s": "wall time", "processor_s": "processor time"}[what]
        rows.append(
            {
                "name": f"{name} per device, {count} devices, bad night against calm",
                "ours": round(bad, 2),
                "baseline": round(fine, 2),
                "unit": "s",
                "ratio": round(bad / fine, 2),
            }
        )
    return rows
