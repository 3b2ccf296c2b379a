"""How many of a cohort get it: cumulative incidence beside culling and death, of all animals and by exposure at entry.

A hazard ratio says how fast, among those still there; a cumulative incidence says how many, given what else takes
animals away (Aalen-Johansen; Andersen et al. 2012, doi:10.1093/ije/dyr213).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from herdbook.errors import EstimationError
from herdbook.studies.definition import Study
from herdbook.studies.designs import Cohort
from herdbook.studies.estimate import cumulative_incidence
from herdbook.studies.rounding import rounded

SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("animals", "cause")),
        pa.field("time", pa.float64()),
        *(pa.field(name, pa.int64()) for name in ("at_risk", "events")),
        *(pa.field(name, pa.float64()) for name in ("incidence", "error", "low", "high")),
    ]
)
"""Per group of ``animals``, cause and day of the cohort's time: ``incidence`` 0..1 with its pointwise interval."""


def incidence(study: Study, follow: pa.Table, rows: pa.Table) -> pa.Table:
    """Cumulative incidence of each cause.

    Where every case counts (``which: every``) only the time to an animal's first is looked at. With exposures at entry
    animals are also told apart by the primary exposure: at most its median, and above it.

    Args:
        study: the definition, of a cohort.
        follow: `herdbook.studies.assemble.Assembled.follow`.
        rows: rows that count.

    Returns:
        A table of `SCHEMA`; no rows where nothing happened.
    """
    assert isinstance(study.design, Cohort), "only cohorts are followed"
    groups = [("all", first_times(follow, study.outcome.name))]
    if study.design.exposed == "at-entry" and rows.num_rows:
        measure = study.exposure.primary.measure
        value = rows[measure].to_numpy()
        middle = float(np.median(value))
        said = f"{middle:.4g}"
        groups += [
            (f"{measure} at most {said}", rows.filter(pa.array(value <= middle))),
            (f"{measure} above {said}", rows.filter(pa.array(value > middle))),
        ]
    tables = [_curve(name, table, study.errors.level) for name, table in groups]
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table()


def first_times(follow: pa.Table, outcome: str) -> pa.Table:
    """The times at risk up to each animal's first case."""
    kept, over = [], set()
    for k, (animal, cause) in enumerate(zip(*(follow[n].to_pylist() for n in ("animal_id", "cause")), strict=True)):
        if animal not in over:
            kept.append(k)
        if cause == outcome:
            over.add(animal)
    return follow.take(pa.array(kept, pa.int64()))


def _curve(name: str, times: pa.Table, level: float) -> pa.Table:
    try:
        found = cumulative_incidence(times["stop"], times["cause"], start=times["start"])
    except EstimationError:  # nothing happened to them
        return SCHEMA.empty_table()
    rows = [{"animals": name} | {k: rounded(v) for k, v in row.items()} for row in found.table(level).to_pylist()]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
