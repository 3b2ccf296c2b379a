"""Eight readers run a study again and again while days are loaded: how much slower it is than without a load.

Readers and loaders are processes of their own on a lake with a PostgreSQL catalog. Each round is a study of a pinned
snapshot, from opening the lake to its written bundle, and then looks at the newest snapshot. It ends with an error
where a reader met one, a bundle differed from the others, or part of a day was seen. The baseline is the same readers
with nobody loading.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.kept import RESULTS, circumstances, keep, table
from herdbook.cli.output import console
from herdbook.settings import Settings
from support.device_day import DaySpec
from support.postgres import running_cluster
from support.study_readers import Reading, land_days, load_at_once, make_herd, read_meanwhile

READERS = 8
ROUNDS = 3
HERD: dict[str, Any] = {
    "devices": 1,
    "pens_per_device": 4,
    "days": 120,
    "illness": {"rate_per_year": 6},
    "detail": {"tracklets_per_day": 1, "posture_cycles": 1},
}
"""80 animals, four months, and few rows a day: of 160 animals, half a year and all detail each reader took 2.7 GiB, and
eight of them had no room in 24."""
DAY = DaySpec(animals=60, tracklets_per_animal=20, cameras=4)
LOADERS, DAYS = 4, 12


def run() -> list[dict[str, Any]]:
    """Seconds a study: median, and the worst one's ratio to the median without a load."""
    where = circumstances("python -m benchmarks readers")
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as place, running_cluster() as cluster:
        folder = Path(place)
        settings = Settings(home=folder / "home", catalog=f"postgres:{cluster.new_database()}", lake_wait_s=600)
        make_herd(settings, HERD, folder / "herd")
        landed = land_days(settings, DAY, LOADERS, DAYS)
        console.print(f"a herd is loaded, and {LOADERS * DAYS} days wait")
        alone = read_meanwhile(settings, folder / "alone", READERS, ROUNDS, lambda: None)
        console.print(f"{sum(len(reading.seconds) for reading in alone)} studies with nobody loading")
        begun = time.perf_counter()
        seconds: list[float] = []

        def load() -> None:
            load_at_once(settings, landed)
            seconds.append(time.perf_counter() - begun)

        beside = read_meanwhile(settings, folder / "beside", READERS, ROUNDS, load)
    wrong = _wrong([*alone, *beside])
    found = {"circumstances": where} | _figures(alone, beside) | {"load_s": round(seconds[0], 1), "wrong": wrong}
    keep(RESULTS, "readers", found, _text(found))
    if wrong:
        sys.exit("; ".join(wrong))
    return [
        {
            "name": f"a study, {READERS} readers, beside a load of {LOADERS * DAYS} device days, {what}",
            "ours": found[f"{what}_beside_s"],
            "baseline": found[f"{what}_alone_s"],
            "unit": "s",
            "ratio": found[f"{what}_ratio"],
        }
        for what in ("median", "worst")
    ]


def _wrong(readings: list[Reading]) -> list[str]:
    said = [error for reading in readings for error in reading.errors]
    said += [torn for reading in readings for torn in reading.torn]
    digests = set().union(*(reading.digests for reading in readings))
    return said + ([f"{len(digests)} bundles of one study"] if len(digests) != 1 else [])


def _figures(alone: list[Reading], beside: list[Reading]) -> dict[str, Any]:
    without, during = ([s for reading in some for s in reading.seconds] for some in (alone, beside))
    found: dict[str, Any] = {"readers": READERS, "loaders": LOADERS, "days": LOADERS * DAYS}
    found |= {"studies_alone": len(without), "studies_beside": len(during)}
    for what, of in (("median", statistics.median), ("worst", max)):
        base, now = of(without), of(during)
        found |= {f"{what}_alone_s": round(base, 2), f"{what}_beside_s": round(now, 2)}
        found[f"{what}_ratio"] = round(now / statistics.median(without), 2)
    return found


def _text(found: dict[str, Any]) -> Iterator[str]:
    """What is found, for people."""
    yield from (
        f"{found['readers']} readers, each a process that runs a study of a pinned snapshot (80 animals, four months) "
        f"again and again, and looks at the newest snapshot after each; beside them {found['loaders']} processes that "
        f"load {found['days']} device days of {DAY.animals * DAY.tracklets_per_animal} tracklets. The load took "
        f"{found['load_s']:.0f} s.",
        "",
        *table(
            ["seconds a study", "nobody loads", "beside the load", "over the median without"],
            (
                [what, *(found[f"{what}_{which}"] for which in ("alone_s", "beside_s", "ratio"))]
                for what in ("median", "worst")
            ),
        ),
        "",
    )
    if found["wrong"]:
        yield "**Something was wrong:** " + "; ".join(found["wrong"]) + "."
        return
    studies = found["studies_alone"] + found["studies_beside"]
    yield (
        f"No reader met an error. All {studies} studies of the pin wrote the same bundle; after each, the newest "
        "snapshot had whole days only, and was the same when it was asked twice."
    )
