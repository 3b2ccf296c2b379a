"""The figures of a study, by file name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from herdbook.studies.assemble import Assembled
from herdbook.studies.definition import Study
from herdbook.studies.designs import Cohort
from herdbook.studies.report.curves import coverage_curves, incidence_curves
from herdbook.studies.report.flow_chart import flow_chart
from herdbook.studies.report.forest import Ratio, forest

TIMES = {"days-on-farm": "days on the farm", "age": "days of age", "calendar": "days since the study began"}


@dataclass(frozen=True)
class Shown:
    """What there is to show."""

    study: Study
    assembled: Assembled
    estimates: pa.Table
    """Of `herdbook.studies.findings.SCHEMA`."""
    variants: pa.Table
    """Of `herdbook.studies.sensitivity.SCHEMA`."""
    incidence: pa.Table | None
    """Of `herdbook.studies.incidence.SCHEMA`; of cohorts only."""


def figures(shown: Shown) -> dict[str, str]:
    """SVG documents."""
    study, rows = shown.study, shown.estimates.to_pylist()
    less, more = f"less {study.outcome.name}", f"more {study.outcome.name}"
    drawn = {
        "flow.svg": flow_chart(shown.assembled.flow.to_pylist()),
        "estimates.svg": forest(f"{_kind(study)} of {study.outcome.name}", [_ratio(row) for row in rows], less, more),
        "coverage.svg": coverage_curves(shown.assembled.coverage.to_pylist(), shown.assembled.seen_by.to_pylist()),
    }
    if shown.variants.num_rows:
        main = _ratio(rows[0] | {"exposure": "as asked"})
        others = [
            Ratio(f"{row['about']}: {row['variant']}", row["ratio"], row["ratio_low"], row["ratio_high"])
            for row in shown.variants.to_pylist()
        ]
        title = f"If identity or labels are worse than thought: {study.exposure.primary.measure}"
        drawn["sensitivity.svg"] = forest(title, [main, *others], less, more)
    if shown.incidence is not None and shown.incidence.num_rows and isinstance(study.design, Cohort):
        drawn["incidence.svg"] = incidence_curves(
            shown.incidence.to_pylist(), TIMES[study.design.time], study.outcome.name
        )
    return drawn


def _kind(study: Study) -> str:
    return {"cohort": "Hazard ratio", "crossover": "Odds ratio", "nested-case-control": "Rate ratio"}[study.design.kind]


def _ratio(row: dict[str, Any]) -> Ratio:
    name = (
        row["exposure"]
        if row["per"] is None or row["exposure"] == "as asked"
        else f"{row['exposure']} per {row['per']:g}"
    )
    return Ratio(name, row["ratio"], row["ratio_low"], row["ratio_high"], row["role"] == "primary", row["problem"])
