"""``animal_day`` of a thousand animals and a year, made anew from about 20 million bouts, beside pandas and polars.

Ours is the view as people have it, on the lake: denominators, presence, overlapping cameras, lying bouts, distances.
The hand-written ones read the same records as Parquet and sum seconds of each behaviour by animal and day, which is the
bulk of that and far from all; their sums must be ours. Seconds are of the wall clock; ours is the median of ``ROUNDS``,
theirs one run. Needs some 6 GB of disk and, for pandas, as much memory.
"""

from __future__ import annotations

import json
import math
import shutil
import statistics
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from herdbook.contracts.bulk import read_part
from herdbook.lake.attach import kept_open, open_lake
from herdbook.lake.bulk import load_parts
from herdbook.lake.migrate import migrate
from herdbook.settings import Settings
from herdbook.simulate.herd import make_herd_plan
from herdbook.simulate.herd.run import simulate_herd

PLAN: dict[str, Any] = {}
"""5 devices with 10 pens of 20 places, 365 days."""
ROUNDS = 3
RESULTS = Path(__file__).parent / "results"
READ = ("record.bout", "record.tracklet", "record.device_day", "identity.claim")


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
        ours, total, bouts = _ours(settings)
    found: dict[str, Any] = {"bouts": bouts, "ours_s": round(ours, 3)}
    rows = []
    for name, by_hand in (("pandas", _pandas), ("polars", _polars)):
        if find_spec(name) is None:
            rows.append(_row(f"animal_day, beside {name} (not installed)", ours, None))
            continue
        begun = time.perf_counter()
        theirs = by_hand(_files(folder / "herd"), settings.identity_threshold)
        seconds = time.perf_counter() - begun
        assert math.isclose(total, theirs, rel_tol=1e-6), f"{name} finds {theirs} seconds, we {total}"
        found[f"{name}_s"] = round(seconds, 3)
        rows.append(_row(f"animal_day, beside {name}", ours, seconds))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "animal-day.json").write_text(json.dumps(found, indent=1) + "\n")
    return rows


def _ours(settings: Settings) -> tuple[float, float, int]:
    """Seconds, the sum of all seconds of behaviour, and how many bouts they came from."""
    spent = []
    with open_lake(settings, read_only=True) as lake:
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            lake.execute("CREATE OR REPLACE TEMP TABLE made AS FROM animal_day")
            spent.append(time.perf_counter() - begun)
        (total,) = lake.execute("SELECT sum(behaviour_s) FROM made").fetchone() or (0.0,)
        (bouts,) = lake.execute("SELECT count(*) FROM record.bout").fetchone() or (0,)
    return statistics.median(spent), float(total), int(bouts)


def _files(herd: Path) -> dict[str, list[Path]]:
    """The Parquet files of what the herd was loaded from, by table."""
    found: dict[str, list[Path]] = {name: [] for name in READ}
    for part in sorted((herd / "parts").iterdir()):
        for file in read_part(part).files:
            if file.table in found:
                found[file.table].append(part / file.name)
    return found


def _pandas(files: dict[str, list[Path]], threshold: float) -> float:
    import pandas as pd  # noqa: PLC0415 - may not be there

    def table(name: str, columns: list[str]) -> pd.DataFrame:
        return pd.concat([pd.read_parquet(path, columns=columns) for path in files[name]], ignore_index=True)

    claim = table("identity.claim", ["load_id", "tracklet_id", "animal_id", "confidence", "recorded_at"])
    claim = claim.sort_values("recorded_at").drop_duplicates(["load_id", "tracklet_id"], keep="last")
    claim = claim[(claim["confidence"] >= threshold) & claim["animal_id"].notna()]
    claim = claim.merge(table("record.device_day", ["load_id", "day"]), on="load_id")
    bout = table("record.bout", ["load_id", "tracklet_id", "behaviour", "started_at", "ended_at"])
    bout["seconds"] = (bout["ended_at"] - bout["started_at"]).dt.total_seconds()
    joined = bout.merge(claim[["load_id", "tracklet_id", "animal_id", "day"]], on=["load_id", "tracklet_id"])
    sums = joined.pivot_table(index=["animal_id", "day"], columns="behaviour", values="seconds", aggfunc="sum")
    return float(sums.sum().sum())


def _polars(files: dict[str, list[Path]], threshold: float) -> float:
    import polars as pl  # noqa: PLC0415 - may not be there

    key = ["load_id", "tracklet_id"]
    claim = pl.scan_parquet(files["identity.claim"]).sort("recorded_at").unique(key, keep="last", maintain_order=True)
    claim = claim.filter((pl.col("confidence") >= threshold) & pl.col("animal_id").is_not_null())
    claim = claim.join(pl.scan_parquet(files["record.device_day"]).select("load_id", "day"), on="load_id")
    seconds = (pl.col("ended_at") - pl.col("started_at")).dt.total_microseconds() / 1e6
    bout = pl.scan_parquet(files["record.bout"]).select(*key, "behaviour", seconds.alias("seconds"))
    sums = bout.join(claim, on=key).group_by("animal_id", "day", "behaviour").agg(pl.col("seconds").sum())
    made = sums.collect().pivot("behaviour", index=["animal_id", "day"], values="seconds")
    return float(sum(made[name].sum() for name in made.columns if name not in ("animal_id", "day")))


def _row(name: str, ours: float, baseline: float | None) -> dict[str, Any]:
    row = {"name": name, "ours": round(ours, 3), "baseline": None, "unit": "s", "ratio": None, "aim": "below 5 s"}
    return row if baseline is None else row | {"baseline": round(baseline, 3), "ratio": round(ours / baseline, 2)}
