"""What reports find in simulated herds whose truth is known: false alarms in healthy ones, onsets, heats.

``HERDBOOK_BENCH_HERDS`` herds (10) of 100 animals in five pens over a year, on the day level, per scenario; the measure
is the lying share, for heat the share of time not lying. A row's ``ours`` is what reports do (own days *and* pen-mates,
baselines that begin anew with a model), ``baseline`` the own days alone. False alarms are per animal and year, found
onsets a share of those whose days before the index day were seen. Kept in ``results/deviation.json``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from herdbook.analytics.alarms import Deviation, deviation, episodes
from herdbook.analytics.baseline import segments
from herdbook.analytics.changepoints import shifts
from herdbook.analytics.heat import heat_signs
from herdbook.analytics.shares import Floats, Ints, rate
from herdbook.simulate.herd import herd_days, make_herd_plan

HERDS = int(os.environ.get("HERDBOOK_BENCH_HERDS", "10"))
RESULTS = Path(__file__).parent / "results"
HERD: dict[str, Any] = {
    "days": 365,
    "devices": 1,
    "pens_per_device": 5,
    "animals_per_pen": 20,
    "illness": {"rate_per_year": 0},
}
UPDATE = [{"release_id": "m1", "from_day": 0}, {"release_id": "m2", "from_day": 180, "shift": 0.05}]
AFTER_UPDATE = 28
HEAT_RISE, CYCLE = 0.12, 21
LATENCY = (10, 18)


@dataclass(frozen=True)
class Days:
    """A herd's days: ``[animals, days]`` each."""

    lying: Floats
    pen: Ints
    segment: Ints
    """Runs of one pen and release."""
    stays: Ints
    """Runs of one pen, whatever the release."""
    onsets: list[tuple[int, int, int]]
    """Animal, onset, index day."""

    @property
    def years(self) -> float:
        """Animal-years seen."""
        return float(np.sum(~np.isnan(self.lying))) / 365.25


def herd(seed: int, **asked: Any) -> Days:
    """One herd of a scenario."""
    plan = make_herd_plan(HERD | {"seed": seed} | asked)
    drawn = herd_days(plan)
    at = drawn.days["animal"].to_numpy(), drawn.days["day"].to_numpy()

    def placed(name: str, fill: float) -> Floats:
        found = np.full((len(drawn.animals), plan.days), fill)
        found[at] = drawn.days[name].to_numpy(zero_copy_only=False)
        return found

    pen, release = (placed(name, -1).astype(np.int64) for name in ("pen", "release"))
    ill = drawn.truth_illnesses
    onsets = list(zip(*(ill[name].to_pylist() for name in ("animal", "onset", "index")), strict=True))
    lying = rate(placed("lying_s", np.nan), placed("observed_s", np.nan))
    return Days(lying, pen, segments(pen, release), segments(pen), onsets)


def own_alone(of: Deviation) -> Deviation:
    """The same without a look at pen-mates."""
    return replace(of, both=of.own)


def alarms(days: Days, of: Deviation) -> Iterator[tuple[int, int, int, bool]]:
    """Animal, first and last day, and whether it lay more."""
    for animal in range(len(days.lying)):
        for e in episodes(of, animal):
            yield animal, e.first, e.last, e.difference > 0


def found_before(days: Days, of: Deviation) -> tuple[int, int]:
    """Onsets with an alarm between onset and index day, and all whose days in between were judged."""
    told = list(alarms(days, of))
    hit = asked = 0
    for animal, onset, index in days.onsets:
        if onset < 0 or np.isnan(of.both[animal, onset:index]).sum() > 3:
            continue
        asked += 1
        hit += any(a == animal and more and last >= onset and first <= index for a, first, last, more in told)
    return hit, asked


def run(herds: int = HERDS) -> list[dict[str, Any]]:
    """One row per question."""
    rows = [
        *_healthy(herds),
        *_updated(herds),
        *(_onset(herds, shift) for shift in (0.05, 0.10, 0.15)),
        *_heat(herds),
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "deviation.json").write_text(json.dumps({"herds": herds, "rows": rows}, indent=1) + "\n")
    return rows


def _healthy(herds: int) -> list[dict[str, Any]]:
    years = both = own = levels = plain = 0.0
    for seed in range(herds):
        days = herd(seed)
        of = deviation(days.lying, days.pen, days.segment)
        years += days.years
        both += len(list(alarms(days, of)))
        own += len(list(alarms(days, own_alone(of))))
        levels += sum(len(shifts(r, s)) for r, s in zip(of.relative, days.segment, strict=True))
        plain += sum(len(shifts(r, s)) for r, s in zip(np.sqrt(days.lying), days.segment, strict=True))
    unit = "a healthy animal and year"
    return [
        _row("false alarms", both / years, own / years, unit),
        _row("false changes of level", levels / years, plain / years, unit),
    ]


def _updated(herds: int) -> list[dict[str, Any]]:
    """A model that measures five points more lying, in healthy herds: alarms in the four weeks after it."""
    animals = ours = naive = 0
    for seed in range(herds):
        days = herd(seed, releases=UPDATE)
        since = UPDATE[1]["from_day"]
        animals += int(np.sum(~np.isnan(days.lying[:, since])))
        of = deviation(days.lying, days.pen, days.segment)
        mixed = own_alone(deviation(days.lying, days.pen, days.stays))
        ours, naive = (
            n + sum(since <= first < since + AFTER_UPDATE for _, first, _, _ in alarms(days, d))
            for n, d in ((ours, of), (naive, mixed))
        )
    return [_row("false alarms in the 28 days after an update", ours / animals, naive / animals, "an animal")]


def _onset(herds: int, shift: float) -> dict[str, Any]:
    counts = np.zeros((2, 2))
    truth = {"kind": "onset", "shift": shift, "latency_days": LATENCY}
    for seed in range(herds):
        days = herd(seed, truth=truth, illness={"rate_per_year": 0.5})
        of = deviation(days.lying, days.pen, days.segment)
        counts += [found_before(days, of), found_before(days, own_alone(of))]
    (ours, asked), (own, asked_own) = counts
    return _row(f"onsets of {shift:.2f} found before the index day", ours / asked, own / asked_own, "share")


def _heat(herds: int) -> list[dict[str, Any]]:
    """Every animal in heat for a day every three weeks, beside herds without heat."""
    hits = planted = cycled = 0
    false = own_false = years = 0.0
    for seed in range(herds):
        days = herd(seed)
        up = 1 - days.lying
        of = deviation(up, days.pen, days.segment)
        years += days.years
        false += sum(len(heat_signs(score)) for score in of.both)
        own_false += sum(len(heat_signs(score)) for score in of.own)
        phase = np.random.default_rng(seed).integers(0, CYCLE, len(up))
        heat = (np.arange(up.shape[1]) - phase[:, None]) % CYCLE == 0
        of = deviation(np.where(heat, np.minimum(up + HEAT_RISE, 1), up), days.pen, days.segment)
        judged = heat & ~np.isnan(of.both)
        planted += int(judged.sum())
        for animal, score in enumerate(of.both):
            signs = heat_signs(score)
            hits += sum(bool(judged[animal, s.first : s.last + 1].any()) for s in signs)
            cycled += sum(s.cycle is not None and bool(judged[animal, s.first : s.last + 1].any()) for s in signs)
    return [
        _row("heats of 0.12 found, and of these with a cycle behind them", hits / planted, cycled / hits, "share"),
        _row("false signs of heat", false / years, own_false / years, "an animal and year"),
    ]


def _row(name: str, ours: float, baseline: float, unit: str) -> dict[str, Any]:
    ratio = ours / baseline if baseline else None
    return {
        "name": name,
        "ours": round(float(ours), 3),
        "baseline": round(float(baseline), 3),
        "unit": unit,
        "ratio": None if ratio is None else round(float(ratio), 2),
        "aim": None,
    }
