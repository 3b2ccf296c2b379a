"""Fits of studies, against R's ``survival`` on the same tables: wall-clock time of one fit with its errors, medians.

R reads the tables before its clock starts. Needs ``Rscript`` (Debian: r-base-core, r-cran-survival).
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from herdbook.studies.estimate import conditional_logit, cox

SETS, CONTROLS, ANIMALS, FARMS, FITS = 300, 4, 500, 20, 20
COVARIATES = ("a", "b", "c")
FORMULAE = {
    "conditional logit": 'clogit(case ~ a + b + c + strata(set), data = matched, method = "exact")',
    "Cox: late entry, strata, weights, farms": (
        "coxph(Surv(start, stop, event) ~ a + b + c + strata(pen) + cluster(farm), data = followed, weights = w)"
    ),
}
Table = dict[str, np.ndarray]


def run() -> list[dict[str, Any]]:
    """One row per kind of fit, milliseconds; ratio: R's time over ours."""
    if shutil.which("Rscript") is None:
        sys.exit("Rscript is not installed: install r-base-core and r-cran-survival")
    matched, followed = _matched(), _followed()
    x, y = ({name: table[name] for name in COVARIATES} for table in (matched, followed))
    ours: dict[str, Callable[[], Any]] = {
        "conditional logit": lambda: conditional_logit(x, matched["case"], matched["set"]),
        "Cox: late entry, strata, weights, farms": lambda: cox(
            y,
            followed["stop"],
            followed["event"],
            start=followed["start"],
            strata=followed["pen"],
            weights=followed["w"],
            clusters=followed["farm"],
        ),
    }
    theirs = _in_r({"matched": matched, "followed": followed})
    rows = []
    for name, fit in ours.items():
        took = statistics.median(_timed(fit) for _ in range(FITS + 1))
        rows.append(
            {
                "name": name,
                "ours": round(took, 2),
                "baseline": round(theirs[name], 2),
                "unit": "ms",
                "ratio": round(theirs[name] / took, 2),
                "aim": None,
            }
        )
    return rows


def _timed(fit: Callable[[], Any]) -> float:
    began = time.perf_counter()
    fit()
    return (time.perf_counter() - began) * 1000


def _in_r(tables: dict[str, Table]) -> dict[str, float]:
    lines = ["suppressPackageStartupMessages(library(survival))"]
    lines += [f'{name} <- read.csv("{name}.csv")' for name in tables]
    lines += [
        f"cat(median(replicate({FITS}, system.time({formula}, gcFirst = FALSE)[[3]])) * 1000, '\\n')"
        for formula in FORMULAE.values()
    ]
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as folder:
        for name, table in tables.items():
            pyarrow.csv.write_csv(pa.table(table), Path(folder) / f"{name}.csv")
        command = ["Rscript", "--vanilla", "-e", "\n".join(lines)]
        done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return dict(zip(FORMULAE, map(float, done.stdout.split()), strict=True))


def _matched() -> Table:
    """Sets of one case and its controls."""
    rng = np.random.default_rng(1)
    member = np.repeat(np.arange(SETS), CONTROLS + 1)
    table = _covariates(rng, len(member))
    appeal = 0.6 * table["a"] - 0.4 * table["b"] + 0.5 * table["c"] + rng.gumbel(size=len(member))
    case = appeal.reshape(SETS, -1).argsort(1).argsort(1) == CONTROLS
    return table | {"case": case.ravel().astype(int), "set": member}


def _followed() -> Table:
    """Animals that enter late, two intervals each."""
    rng = np.random.default_rng(2)
    table = _covariates(rng, 2 * ANIMALS)
    start = np.column_stack([begun := rng.integers(0, 40, ANIMALS), begun + 10]).ravel()
    event = np.column_stack([np.zeros(ANIMALS, int), rng.integers(0, 2, ANIMALS)]).ravel()
    stop = np.where(np.arange(2 * ANIMALS) % 2, start + rng.integers(1, 60, 2 * ANIMALS), start + 10)
    animal = np.arange(2 * ANIMALS) // 2
    who = {"farm": animal % FARMS, "pen": animal % 4, "w": np.repeat(rng.uniform(0.3, 1.0, ANIMALS), 2)}
    return table | who | {"start": start, "stop": stop, "event": event}


def _covariates(rng: np.random.Generator, rows: int) -> Table:
    a = rng.normal(size=rows)
    return {"a": a, "b": 0.5 * a + rng.normal(size=rows), "c": rng.integers(0, 2, rows)}
