"""``animal_day`` of a thousand animals and a year, made anew from their timeline, beside pandas and polars.

The timeline, some 20 million intervals, is worked out day by day when a herd is published; how long the first
publication of the whole year takes, and one after a word on who one animal of one day was, is measured too.
The hand-written ones read the same timeline as Parquet and do the bulk of the work: seconds of each behaviour and lying
bouts by animal and day, no denominators, presence or distances. Their sums must be ours. Seconds are of the wall clock;
that of ``animal_day`` is the median of ``ROUNDS``, all others are one run.
Needs some 6 GB of disk and, for pandas, as much memory.
"""

from __future__ import annotations

import json
import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from herdbook.cli.output import console
from herdbook.identity.byhand import correct
from herdbook.identity.operations import carry_out
from herdbook.identity.words import Word
from herdbook.lake.attach import kept_open, open_lake
from herdbook.lake.bulk import load_parts
from herdbook.lake.definitions import definitions
from herdbook.lake.migrate import migrate
from herdbook.lake.publish import publish
from herdbook.settings import Settings
from herdbook.simulate.herd import make_herd_plan
from herdbook.simulate.herd.run import simulate_herd

PLAN: dict[str, Any] = {}
"""5 devices with 10 pens of 20 places, 365 days."""
ROUNDS = 3
RESULTS = Path(__file__).parent / "results"
COLUMNS = "animal_id, day, behaviour, posture, posture_begins, seconds"
Sums = tuple[float, int]
"""Seconds of behaviour and lying bouts of all animals and days."""
T = TypeVar("T")


def run() -> list[dict[str, Any]]:
    """One row per tool that stands beside."""
    folder = Path(tempfile.mkdtemp(prefix="herdbook-bench-"))
    try:
        return _measure(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(folder: Path) -> list[dict[str, Any]]:
    settings = Settings(home=folder / "home")
    migrate(settings)
    simulate_herd(make_herd_plan(PLAN), folder / "herd")
    with kept_open():
        load_parts(settings, folder / "herd")
    found: dict[str, Any] = {}
    found["published_whole_s"], _ = _timed(lambda: publish(settings, _tell))
    _correct_one(settings)
    found["published_after_a_correction_s"], _ = _timed(lambda: publish(settings))
    timeline = folder / "timeline.parquet"
    ours, sums = _ours(settings, timeline, found)
    found["animal_day_s"] = ours
    rows = []
    for name, by_hand in (("pandas", _pandas), ("polars", _polars)):
        if find_spec(name) is None:
            rows.append(_row(f"animal_day, beside {name} (not installed)", ours, None))
            continue
        seconds, theirs = _timed(lambda by_hand=by_hand: by_hand(timeline))
        assert math.isclose(sums[0], theirs[0], rel_tol=1e-6), f"{name} finds {theirs[0]} seconds, we {sums[0]}"
        assert sums[1] == theirs[1], f"{name} finds {theirs[1]} lying bouts, we {sums[1]}"
        found[f"{name}_s"] = seconds
        rows.append(_row(f"animal_day, beside {name}", ours, seconds))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "animal-day.json").write_text(json.dumps(found, indent=1) + "\n")
    return rows


def _correct_one(settings: Settings) -> None:
    """A person says that the first tracklet of the year is nobody known."""
    with open_lake(settings, read_only=True) as lake:
        (tracklet_id,) = lake.execute("SELECT min(tracklet_id) FROM record.tracklet").fetchone() or ("",)
    carry_out(settings, lambda lake: correct(lake, [tracklet_id], None, Word("benchmark", "seen on the clip")))


def _ours(settings: Settings, timeline: Path, found: dict[str, Any]) -> tuple[float, Sums]:
    """Seconds and sums of ``animal_day`` made anew; the timeline is written as Parquet for the others."""
    query = next(d for d in definitions() if d.name == "animal_day").query
    shutil.copyfile(settings.published, copy := timeline.with_suffix(".duckdb"))
    with duckdb.connect(str(copy)) as herd:
        spent = [
            _timed(lambda: herd.execute(f"CREATE OR REPLACE TEMP TABLE made AS {query}"))[0] for _ in range(ROUNDS)
        ]
        (differing,) = herd.execute("SELECT count(*) FROM (FROM made EXCEPT FROM animal_day)").fetchone() or (None,)
        assert differing == 0, f"{differing} rows are not what was published"
        found["animal_days"], seconds, bouts = herd.execute(
            "SELECT count(*), sum(behaviour_s), sum(lying_bouts)::BIGINT FROM made"
        ).fetchone() or (0, 0.0, 0)
        (found["intervals"],) = herd.execute("SELECT count(*) FROM animal_timeline").fetchone() or (0,)
        (found["bouts"],) = herd.execute("SELECT count(*) FROM record.bout").fetchone() or (0,)
        herd.execute(f"COPY (SELECT {COLUMNS} FROM animal_timeline) TO '{timeline}'")
    return statistics.median(spent), (float(seconds), int(bouts))


def _pandas(timeline: Path) -> Sums:
    import pandas as pd  # noqa: PLC0415 - may not be there

    intervals = pd.read_parquet(timeline)
    sums = intervals.pivot_table(index=["animal_id", "day"], columns="behaviour", values="seconds", aggfunc="sum")
    lying = intervals[(intervals["posture"] == "lying") & intervals["posture_begins"]]
    made = sums.join(lying.groupby(["animal_id", "day"]).size().rename("lying_bouts"))
    return float(sums.sum().sum()), int(made["lying_bouts"].sum())


def _polars(timeline: Path) -> Sums:
    import polars as pl  # noqa: PLC0415 - may not be there

    key = ["animal_id", "day"]
    lying = ((pl.col("posture") == "lying") & pl.col("posture_begins")).sum().alias("lying_bouts")
    behaviours = pl.scan_parquet(timeline).select("behaviour").unique().collect()["behaviour"].to_list()
    each = [pl.col("seconds").filter(pl.col("behaviour") == name).sum().alias(name) for name in behaviours]
    made = pl.scan_parquet(timeline).group_by(key).agg(lying, *each).collect()
    return float(sum(made[name].sum() for name in behaviours)), int(made["lying_bouts"].sum())


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    begun = time.perf_counter()
    done = work()
    return round(time.perf_counter() - begun, 3), done


def _tell(done: int, total: int) -> None:
    console.print(f"{done} of {total} days are published")


def _row(name: str, ours: float, baseline: float | None) -> dict[str, Any]:
    row = {"name": name, "ours": round(ours, 3), "baseline": None, "unit": "s", "ratio": None, "aim": "below 5 s"}
    return row if baseline is None else row | {"baseline": round(baseline, 3), "ratio": round(ours / baseline, 2)}
