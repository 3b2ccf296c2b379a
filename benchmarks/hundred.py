"""A hundred devices in one bad night: what it costs a device, what each fault did, and that nothing is lost.

10 % of connections are cut, two devices are off, one has a full disk, a worker is killed with SIGKILL and PostgreSQL
crashes, in the ingest and again in the load. The tasks are the DAGs' commands, on workers of their own with Airflow's
retries (a second apart instead of minutes). The baseline is the same night without any of it, and after the next night
the lake must be the same row for row; the benchmark ends with an error where it is not.

``HERDBOOK_BENCH_DEVICES`` asks for another number of devices.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.kept import RESULTS, circumstances, keep, table
from herdbook.cli.output import console
from herdbook.errors import all_errors
from herdbook.settings import Settings
from support.bad_night import told
from support.hundred_nights import Nights, on_postgres, twins, two_nights
from support.lake_content import lake_content, without
from support.many_devices import FIRST, NightRun, environment, make_platform, progress, run_night, serving
from support.night_workers import KILLED, Workers
from support.postgres import running_cluster

DEVICES = int(os.environ.get("HERDBOOK_BENCH_DEVICES", "100"))
WORKERS = 4
COMMAND = f"HERDBOOK_BENCH_DEVICES={DEVICES} python -m benchmarks hundred"


def run() -> list[dict[str, Any]]:
    """Seconds per device; the ratio is bad over calm."""
    where, begun, say = circumstances(COMMAND), time.monotonic(), _say_plainly
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as place, running_cluster() as cluster:
        folder = Path(place)
        devices, calm_devices = twins(folder, DEVICES)
        say(f"made {DEVICES} devices in {time.monotonic() - begun:.0f} s")
        calm, expected = _calm(on_postgres(cluster, folder / "calm"), calm_devices, say)
        settings = on_postgres(cluster, folder / "home")
        nights = two_nights(settings, cluster, devices, workers=WORKERS, delay_s=1.0, say=say)
        wrong = _wrong(nights, expected)
        found = {"circumstances": where, "wall_s": round(time.monotonic() - begun)} | _found(nights, calm, wrong)
        keep(RESULTS, "hundred", found, _text(found))
        _say(nights)
        if wrong:
            sys.exit("the lake is not that of an undisturbed night: " + "; ".join(wrong))
        return _rows(nights, calm)


def _say_plainly(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _calm(settings: Settings, devices: Path, say: Callable[[str], None]) -> tuple[NightRun, dict[str, list[str]]]:
    lines = make_platform(settings, devices)
    with serving(devices, lines), Workers(WORKERS, environment(settings)) as pool:
        night = run_night(settings, list(lines.ports), FIRST, pool, progress("the calm night", len(lines.ports), say))
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


def _found(nights: Nights, calm: NightRun, wrong: list[str]) -> dict[str, Any]:
    return {
        "devices": len(nights.devices),
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


def _text(found: dict[str, Any]) -> Iterator[str]:
    """What is found, for people."""
    rows, lines = found["rows"], found["connections"]
    yield from (
        f"{found['devices']} devices, {found['workers']} workers, {found['wall_s'] / 60:.0f} minutes for three nights. "
        f"{lines['cut']} of {lines['all']} connections of the bad night were cut; off: {', '.join(found['off'])}; "
        f"full disk: {found['full disk']}.",
        "",
        *(f"- {deed}" for deed in found["done"]),
        "",
        *table(
            ["seconds: by the clock / of processors", "ingest", "load", "publish"],
            (
                [f"{night} night", *(f"{p['wall_s']:.0f} / {p['processor_s']:.0f}" for p in found[night].values())]
                for night in ("calm", "bad", "next")
            ),
        ),
        "",
        f"Tries that failed: {_told(found['failed tries, bad night'])} in the bad night, "
        f"{_told(found['failed tries, next night'])} in the next.",
        "",
    )
    if found["wrong"]:
        yield "**The lake is not that of an undisturbed night:** " + "; ".join(found["wrong"]) + "."
        return
    yield (
        f"After the bad night the lake was the calm one's but for the devices that were off; after the next it was "
        f"the same row for row: {rows['record.device_day']} device days, {rows['claim']} claims, {rows['footage']} "
        f"files of footage, {rows['torn']} days torn, {rows['unseen']} rows unseen. Every device was told that its "
        "day is safe."
    )


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


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
