"""A matched case-control table of a thousand animals and a year, beside the same work by hand in pandas and polars.

Ours is all steps of a study, from labels to the table with exposures and reasons, on records on the day level in
memory. The hand-written ones do the part of it that this study needs: episodes, wash-out, risk sets in the case's pen,
four controls by the same draw, windows with their minimum, and nothing else (no intervals of onset, releases, identity,
or reasons). They must give the same rows. Seconds are of the wall clock, the median of ``ROUNDS``.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa

from herdbook.simulate.herd import make_herd_plan
from herdbook.studies.assemble import assemble
from herdbook.studies.definition import Study
from herdbook.studies.source import Source
from support.study_herd import herd_source

PLAN: dict[str, Any] = {"illness": {"rate_per_year": 0.8}, "labels": {"notice_days": 0}}
"""5 devices with 10 pens of 20 places, 365 days."""
ROUNDS = 5
RESULTS = Path(__file__).parent / "results"
STUDY = Study.model_validate(
    {
        "study": "table",
        "population": {"since": "2023-01-16", "until": "2024-01-01"},
        "outcome": {"name": "lame", "any_of": [{"kind": "diagnosis"}]},
        "exposure": {"primary": {"measure": "lying_share", "per": 0.05}},
        "identity": {"minimum_confidence": 0},
    }
)
TABLES = {
    "stay": "SELECT * FROM study_stay",
    "label": "SELECT animal_id, occurred_day AS day FROM label_current WHERE kind = 'diagnosis'",
    "seen": "SELECT animal_id, day, lying_s, behaviour_s FROM animal_day",
}
Rows = list[tuple[str, str, float | None]]
"""Set, animal, exposure; ordered."""


def run() -> list[dict[str, Any]]:
    """One row per tool that stands beside."""
    with herd_source(make_herd_plan(PLAN)) as source:
        ours, rows = _timed(lambda: _ours(source))
        given = {name: source.connection.execute(query).to_arrow_table() for name, query in TABLES.items()}
    found: dict[str, Any] = {"rows": len(rows), "animal_days": given["seen"].num_rows, "ours_s": round(ours, 3)}
    table = []
    for name, by_hand in (("pandas", _pandas), ("polars", _polars)):
        if find_spec(name) is None:
            table.append(_row(f"matched table, beside {name} (not installed)", ours, None))
            continue
        seconds, theirs = _timed(lambda by_hand=by_hand: by_hand(given))
        _require_same(rows, theirs, name)
        found[f"{name}_s"] = round(seconds, 3)
        table.append(_row(f"matched table, beside {name}", ours, seconds))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "study-table.json").write_text(json.dumps(found, indent=1) + "\n")
    return table


def _ours(source: Source) -> Rows:
    rows = assemble(STUDY, source).rows
    return sorted(zip(*(rows[name].to_pylist() for name in ("set_id", "animal_id", "lying_share")), strict=True))


def _pandas(given: dict[str, pa.Table]) -> Rows:
    import pandas as pd  # noqa: PLC0415 - may not be there

    stay, label, seen = (given[name].to_pandas() for name in ("stay", "label", "seen"))
    for table, names in ((stay, ("first_day", "last_day", "observed_from")), (label, ("day",)), (seen, ("day",))):
        for name in names:
            table[name] = pd.to_datetime(table[name])
    fortnight = pd.Timedelta(days=14)
    hit = label.merge(stay[["animal_id"]].drop_duplicates()).drop_duplicates().sort_values(["animal_id", "day"])
    hit["episode"] = (hit.groupby("animal_id")["day"].diff() >= fortnight).groupby(hit["animal_id"]).cumsum() + 1
    ill = hit.groupby(["animal_id", "episode"])["day"].agg(index_day="min", last="max").reset_index()
    ill["free"] = ill["last"] + fortnight
    case = ill.merge(stay, on="animal_id").query("first_day <= index_day <= last_day")
    case = case.sort_values("first_day").drop_duplicates(["animal_id", "episode"], keep="last")
    since, until = (pd.Timestamp(day) for day in (STUDY.population.since, STUDY.population.until))
    case = case[case["index_day"].between(since, until) & (case["index_day"] >= case["observed_from"] + fortnight)]
    case["set_id"] = case["animal_id"] + "/" + case["episode"].astype(int).astype(str)
    mate = case[["set_id", "animal_id", "pen_id", "index_day"]].merge(stay, on="pen_id", suffixes=("_case", ""))
    mate = mate[mate["animal_id"] != mate["animal_id_case"]].query("first_day <= index_day <= last_day")
    mate = mate[mate["index_day"] >= mate["observed_from"] + fortnight].drop_duplicates(["set_id", "animal_id"])
    onset = ill[["animal_id", "index_day", "free"]]
    sick = mate[["set_id", "animal_id", "index_day"]].merge(onset, on="animal_id", suffixes=("", "_ill"))
    sick = sick.query("index_day_ill <= index_day < free")[["set_id", "animal_id"]].drop_duplicates()
    mate = mate.merge(sick, how="left", indicator=True).query("_merge == 'left_only'")
    mate["draw"] = [_draw(s, a) for s, a in zip(mate["set_id"], mate["animal_id"], strict=True)]
    mate = mate.sort_values(["set_id", "draw", "animal_id"]).groupby("set_id").head(4)
    names = ["set_id", "animal_id", "index_day"]
    member = pd.concat([case[names], mate[names]])
    window = member.merge(seen[seen["behaviour_s"] >= 6 * 3600], on="animal_id")
    back = (window["index_day"] - window["day"]).dt.days
    window = window[back.between(1, 7)].groupby(["set_id", "animal_id"])
    sums = window.agg(lying=("lying_s", "sum"), known=("behaviour_s", "sum"), days=("day", "size")).reset_index()
    sums["share"] = (sums["lying"] / sums["known"]).where(sums["days"] >= 4)
    whole = member.merge(sums, how="left", on=["set_id", "animal_id"])
    shares = [None if pd.isna(v) else float(v) for v in whole["share"]]
    return sorted(zip(whole["set_id"], whole["animal_id"], shares, strict=True))


def _polars(given: dict[str, pa.Table]) -> Rows:
    import polars as pl  # noqa: PLC0415 - may not be there

    c = pl.col
    stay, label, seen = (pl.from_arrow(given[name]) for name in ("stay", "label", "seen"))
    fortnight = pl.duration(days=14)
    hit = label.join(stay.select("animal_id").unique(), on="animal_id").unique().sort("animal_id", "day")
    later = (c("day") - c("day").shift(1).over("animal_id") >= fortnight).fill_null(value=False).cast(pl.Int32)
    hit = hit.with_columns((later.cum_sum().over("animal_id") + 1).alias("episode"))
    spans = (c("day").min().alias("index_day"), (c("day").max() + fortnight).alias("free"))
    ill = hit.group_by("animal_id", "episode").agg(*spans)
    there = c("index_day").is_between(c("first_day"), c("last_day"))
    known = c("index_day") >= c("observed_from") + fortnight
    case = ill.join(stay, on="animal_id").filter(there).sort("first_day").unique(["animal_id", "episode"], keep="last")
    case = case.filter(c("index_day").is_between(STUDY.population.since, STUDY.population.until) & known)
    case = case.with_columns((c("animal_id") + "/" + c("episode").cast(pl.String)).alias("set_id"))
    names = ["set_id", "animal_id", "index_day"]
    mate = case.select(*names, "pen_id").rename({"animal_id": "of"}).join(stay, on="pen_id")
    mate = mate.filter((c("animal_id") != c("of")) & there & known).unique(["set_id", "animal_id"])
    sick = mate.select(names).join(ill, on="animal_id", suffix="_ill")
    sick = sick.filter((c("index_day_ill") <= c("index_day")) & (c("index_day") < c("free")))
    mate = mate.join(sick, on=["set_id", "animal_id"], how="anti")
    draws = [_draw(s, a) for s, a in mate.select("set_id", "animal_id").iter_rows()]
    mate = mate.with_columns(pl.Series("draw", draws)).sort("set_id", "draw", "animal_id").group_by("set_id").head(4)
    member = pl.concat([case.select(names), mate.select(names)])
    back = (c("index_day") - c("day")).dt.total_days()
    window = member.join(seen.filter(c("behaviour_s") >= 6 * 3600), on="animal_id").filter(back.is_between(1, 7))
    share = pl.when(pl.len() >= 4).then(c("lying_s").sum() / c("behaviour_s").sum()).alias("share")
    whole = member.join(window.group_by("set_id", "animal_id").agg(share), on=["set_id", "animal_id"], how="left")
    return sorted(whole.select("set_id", "animal_id", "share").iter_rows())


def _draw(set_id: str, animal_id: str) -> str:
    """As ``sql/study/candidate`` draws."""
    return hashlib.md5(f"{STUDY.seed}|{set_id}|{animal_id}".encode(), usedforsecurity=False).hexdigest()


def _timed(work: Callable[[], Rows]) -> tuple[float, Rows]:
    spent = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        rows = work()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent), rows


def _require_same(ours: Rows, theirs: Rows, name: str) -> None:
    assert [row[:2] for row in ours] == [row[:2] for row in theirs], f"{name} draws other rows"
    for mine, other in zip(ours, theirs, strict=True):
        same = mine[2] is other[2] or (mine[2] is not None and other[2] is not None and abs(mine[2] - other[2]) < 1e-6)
        assert same, f"{name}: {other} for {mine}"


def _row(name: str, ours: float, baseline: float | None) -> dict[str, Any]:
    row = {"name": name, "ours": round(ours, 3), "baseline": None, "unit": "s", "ratio": None, "aim": "below 2 s"}
    return row if baseline is None else row | {"baseline": round(baseline, 3), "ratio": round(ours / baseline, 2)}
