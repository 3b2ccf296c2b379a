"""Studies of simulated herds whose truth is known: how often intervals hold it and nothing is found in nothing.

``HERDBOOK_BENCH_HERDS`` herds (1,000) per scenario, each through the whole study: labels, episodes, risk sets, windows,
estimate. A row's ``ours`` is the share of herds whose interval holds the truth, ``baseline`` the mean of the estimates
less the truth, ``ratio`` the share of herds with p below 0.05, and ``aim`` what is asked of 1,000 herds. Figures are
kept in ``results/study-recovery.json``. A herd takes one to two seconds of CPU time.

The naive analysis of the scenario ``update, controls of any day`` is the one that this platform does not offer: its
controls are windows of any day instead of the case's index day, with no notice taken of releases.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, astuple, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from herdbook.simulate.herd import make_herd_plan
from herdbook.studies.assemble import Assembled, assemble, assembled
from herdbook.studies.definition import Study
from herdbook.studies.findings import find
from herdbook.studies.source import Source
from herdbook.studies.steps import JUDGING, READING, TELLING, ask_for, drawing, make, parameters_of
from support.study_herd import herd_source

HERDS = int(os.environ.get("HERDBOOK_BENCH_HERDS", "1000"))
EFFECT, SHIFT = 0.6, 0.05
RESULTS = Path(__file__).parent / "results" / "study-recovery.json"
KEPT = Path(__file__).parents[1] / ".bench"
HERD: dict[str, Any] = {
    "days": 365,
    "devices": 2,
    "pens_per_device": 5,
    "animals_per_pen": 20,
    "truth": {"kind": "hazard", "log_hazard_ratio": EFFECT, "unit": 0.05},
    "illness": {"rate_per_year": 0.8},
    "labels": {"sensitivity": 1, "false_per_year": 0, "notice_days": 0},
    "identity": {"switches": 0},
}
STUDY: dict[str, Any] = {
    "study": "recovery",
    "population": {"since": "2023-01-16", "until": "2024-01-01"},
    "outcome": {"name": "lame", "any_of": [{"kind": "diagnosis"}], "episode_gap_days": 21, "washout_days": 7},
    "exposure": {"primary": {"measure": "lying_share", "per": 0.05}},
    "model_change": "stratify",
}
NONE = {"truth": {"kind": "hazard", "log_hazard_ratio": 0}}
ONSET = {"truth": {"kind": "onset", "shift": SHIFT}, "illness": {"rate_per_year": 0.4}}
UPDATED = {
    "releases": [{"release_id": "m1", "from_day": 0}, {"release_id": "m2", "from_day": 180, "shift": 0.08}],
    "illness": {"rate_per_year": 0.5, "trend": 2.5},
}
SWITCHED = {"identity": {"switches": 0.05}}
COMPETING = [{"kind": "death"}, {"kind": "departure", "texts": ["culled"]}]
COHORT = {
    "design": {"kind": "cohort", "time": "calendar", "competing": COMPETING},
    "errors": {"cluster": "animal"},
}
CROSSOVER = {"design": {"kind": "crossover"}}


@dataclass(frozen=True)
class Scenario:
    """A study of a kind of herd."""

    herd: str
    truth: float
    study: dict[str, Any] = field(default_factory=dict)
    names: tuple[str, str, str] = ("coefficient", "low", "high")
    """Columns of the finding."""
    naive: bool = False


KINDS: dict[str, dict[str, Any]] = {
    "effect": {},
    "no effect": NONE,
    "update": NONE | UPDATED,
    "onset": ONSET,
    "switches": SWITCHED,
}
"""What differs in the herd."""
SCENARIOS = {
    "effect": Scenario("effect", EFFECT),
    "no effect": Scenario("no effect", 0),
    "effect, cohort": Scenario("effect", EFFECT, COHORT),
    "no effect, cohort": Scenario("no effect", 0, COHORT),
    "effect, crossover": Scenario("effect", EFFECT, CROSSOVER),
    "no effect, crossover": Scenario("no effect", 0, CROSSOVER),
    "update": Scenario("update", 0),
    "update, controls of any day": Scenario("update", 0, {"model_change": "refuse"}, naive=True),
    "onset": Scenario("onset", SHIFT, names=("difference", "difference_low", "difference_high")),
    "switches": Scenario("switches", EFFECT),
    "switches, days weighed": Scenario("switches", EFFECT, {"identity": {"weigh": "days"}}),
    "switches, rows weighed": Scenario("switches", EFFECT, {"identity": {"weigh": "rows"}}),
    "switches, doubtful days left out": Scenario("switches", EFFECT, {"identity": {"minimum_confidence": 0.9}}),
}
"""What differs in the study, and the truth."""
_ANY_DAY = """
CREATE OR REPLACE TEMP TABLE study_member AS
SELECT * EXCLUDE (first_day, last_day) REPLACE (
    CASE
        WHEN is_case THEN index_day
        ELSE first_day + 14 + (md5_number_lower(set_id || animal_id) % greatest(last_day - first_day - 14, 1))::INTEGER
    END AS index_day
)
FROM study_member
JOIN (
    SELECT animal_id, min(observed_from) AS first_day, max(last_day) AS last_day FROM study_stay GROUP BY animal_id
) USING (animal_id)
"""
"""Each control's window ends on some day of its stay."""


@dataclass(frozen=True)
class Found:
    """One herd's finding: a log ratio per 5 percentage points; under an onset, cases' share less their controls'."""

    coefficient: float
    low: float
    high: float
    p: float
    sets: int


def run() -> list[dict[str, Any]]:
    """One row per scenario."""
    everything = _all(HERDS)
    rows, kept = [], {}
    for name, scenario in SCENARIOS.items():
        found = everything[name]
        held = float(np.mean([f.low <= scenario.truth <= f.high for f in found]))
        bias = float(np.mean([f.coefficient for f in found])) - scenario.truth
        kept[name] = {"truth": scenario.truth, "herds": len(found), "held": held, "bias": bias} | {
            "first": asdict(found[0]),
            "false_or_true_findings": float(np.mean([f.p < 0.05 for f in found])),
            "deviation": float(np.std([f.coefficient for f in found])),
        }
        rows.append(
            {
                "name": name,
                "ours": round(held, 3),
                "baseline": round(bias, 3),
                "unit": "share of intervals that hold the truth, against bias",
                "ratio": round(kept[name]["false_or_true_findings"], 3),
                "aim": "0.935 to 0.965" if "switches" not in name and not scenario.naive else None,
            }
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    return rows


def herds(name: str, number: int) -> Iterator[Found]:
    """Findings of the first herds of a scenario."""
    for seed in range(number):
        yield _findings(SCENARIOS[name].herd, seed, [name])[name]


def _all(number: int) -> dict[str, list[Found]]:
    """Findings of all scenarios, those of an earlier run included, by seed."""
    KEPT.mkdir(exist_ok=True)
    asked = json.dumps([HERD, STUDY, KINDS, {n: astuple(s) for n, s in SCENARIOS.items()}])
    file = KEPT / f"study-recovery-{sha256(asked.encode()).hexdigest()[:16]}.jsonl"
    found: dict[tuple[str, int], Found] = {}
    for line in file.read_text().splitlines() if file.is_file() else ():
        name, seed, *values = json.loads(line)
        found[name, seed] = Found(*values)
    jobs = [(kind, seed) for seed in range(number) for kind in KINDS]
    jobs = [(kind, seed) for kind, seed in jobs if any((name, seed) not in found for name in _of(kind))]
    with file.open("a") as kept, ProcessPoolExecutor() as pool:
        for (_, seed), told in zip(jobs, track(pool.map(_told, jobs), "herds", len(jobs)), strict=True):
            for name, one in told.items():
                found[name, seed] = one
                kept.write(json.dumps([name, seed, *astuple(one)]) + "\n")
            kept.flush()
    return {name: [found[name, seed] for seed in range(number)] for name in SCENARIOS}


def _of(kind: str) -> list[str]:
    return [name for name, scenario in SCENARIOS.items() if scenario.herd == kind]


def _told(job: tuple[str, int]) -> dict[str, Found]:
    kind, seed = job
    return _findings(kind, seed, _of(kind))


def _findings(kind: str, seed: int, names: Iterable[str]) -> dict[str, Found]:
    """Of one herd, by scenario."""
    told = {}
    with herd_source(make_herd_plan(HERD | KINDS[kind] | {"seed": seed})) as source:
        source.connection.execute("SET threads = 1")
        for name in names:
            scenario = SCENARIOS[name]
            study = Study.model_validate(STUDY | scenario.study)
            rows = (_any_day(study, source) if scenario.naive else assemble(study, source)).used
            [row] = find(study, rows).to_pylist()
            told[name] = Found(*(row[column] for column in (*scenario.names, "p", "sets")))
    return told


def _any_day(study: Study, source: Source) -> Assembled:
    """The study's rows, but for the days that controls are looked at."""
    steps = parameters_of(study)
    ask_for(source.connection, study)
    make(source.connection, drawing(study), steps)
    source.connection.execute(_ANY_DAY)
    make(source.connection, READING + JUDGING + TELLING, steps)
    return assembled(study, source.connection)
