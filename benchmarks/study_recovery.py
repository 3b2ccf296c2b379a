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
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from herdbook.simulate.herd import make_herd_plan
from herdbook.studies.assemble import Assembled, assemble, assembled
from herdbook.studies.definition import Study
from herdbook.studies.findings import find
from herdbook.studies.source import Source
from herdbook.studies.steps import JUDGING, READING, TELLING, ask_for, drawing, make, parameters_of
from support.study_herd import herd_source

HERDS = int(os.environ.get("HERDBOOK_BENCH_HERDS", "1000"))
EFFECT, SHIFT = 0.6, 0.05
RESULTS = Path(__file__).parent / "results"
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
SCENARIOS: dict[str, tuple[dict[str, Any], dict[str, Any], float]] = {
    "effect": ({}, {}, EFFECT),
    "no effect": (NONE, {}, 0.0),
    "effect, cohort": ({}, COHORT, EFFECT),
    "no effect, cohort": (NONE, COHORT, 0.0),
    "effect, crossover": ({}, CROSSOVER, EFFECT),
    "no effect, crossover": (NONE, CROSSOVER, 0.0),
    "update": (NONE | UPDATED, {}, 0.0),
    "update, controls of any day": (NONE | UPDATED, {"model_change": "refuse"}, 0.0),
    "onset": (ONSET, {}, SHIFT),
    "switches": (SWITCHED, {}, EFFECT),
    "switches, days weighed": (SWITCHED, {"identity": {"weigh": "days"}}, EFFECT),
    "switches, rows weighed": (SWITCHED, {"identity": {"weigh": "rows"}}, EFFECT),
    "switches, doubtful days left out": (SWITCHED, {"identity": {"minimum_confidence": 0.9}}, EFFECT),
}
"""What differs in the herd and in the study, and the truth."""
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
    rows, kept = [], {}
    for name, (_, _, truth) in SCENARIOS.items():
        found = list(herds(name, HERDS))
        held = float(np.mean([f.low <= truth <= f.high for f in found]))
        bias = float(np.mean([f.coefficient for f in found])) - truth
        kept[name] = {"truth": truth, "herds": len(found), "held": held, "bias": bias} | {
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
                "aim": "0.935 to 0.965" if "switches" not in name and "any day" not in name else None,
            }
        )
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "study-recovery.json").write_text(json.dumps(kept, indent=1) + "\n")
    return rows


def herds(scenario: str, number: int) -> Iterator[Found]:
    """Findings of the first herds of a scenario."""
    herd, asked, _ = SCENARIOS[scenario]
    study = Study.model_validate(STUDY | asked)
    for seed in range(number):
        with herd_source(make_herd_plan(HERD | herd | {"seed": seed})) as source:
            rows = (_any_day(study, source) if "any day" in scenario else assemble(study, source)).used
        [row] = find(study, rows).to_pylist()
        names = (
            ("difference", "difference_low", "difference_high")
            if scenario == "onset"
            else ("coefficient", "low", "high")
        )
        yield Found(*(row[name] for name in (*names, "p", "sets")))


def _any_day(study: Study, source: Source) -> Assembled:
    """The study's rows, but for the days that controls are looked at."""
    steps = parameters_of(study)
    ask_for(source.connection, study)
    make(source.connection, drawing(study), steps)
    source.connection.execute(_ANY_DAY)
    make(source.connection, READING + JUDGING + TELLING, steps)
    return assembled(study, source.connection)
