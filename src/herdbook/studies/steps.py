"""The steps from records to an analysis table: ``sql/study/<step>/step.sql``, one temporary table each, in this order.

A step reads the lake's views and the steps before it, and takes its figures from the definition as named parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from herdbook.lake.definitions import sql_root
from herdbook.lake.metadata import Metadata, read_metadata_file
from herdbook.studies.criteria import Criterion
from herdbook.studies.definition import Study
from herdbook.studies.designs import Cohort

FINDING = ("stay", "scored", "hit", "episode", "case")
"""From labels to cases; they read no behaviour, nor does `DRAWING`."""
DRAWING = {
    "nested-case-control": ("candidate", "member"),
    "cohort": ("follow", "cohort_candidate", "cohort_member"),
    "crossover": ("crossover_candidate", "crossover_member"),
}
"""From cases to sets of rows that are compared, by design."""
READING = ("day",)
"""What animals did before their index days."""
JUDGING = ("exposure", "row")
"""Exposures, and which rows can count."""
TELLING = ("flow", "missing", "coverage", "release")
"""What became of everything."""


@dataclass(frozen=True)
class Step:
    """One step."""

    name: str

    @property
    def folder(self) -> Path:
        """Where it is written."""
        return sql_root() / "study" / self.name

    @cached_property
    def sql(self) -> str:
        """Its query."""
        return (self.folder / "step.sql").read_text(encoding="utf-8")

    @cached_property
    def metadata(self) -> Metadata:
        """What it says."""
        return read_metadata_file(self.folder / "metadata.yaml")

    @property
    def table(self) -> str:
        """The temporary table that it makes; what stands before an underscore is the design that makes it so."""
        return f"study_{self.name.rpartition('_')[2]}"

    def make(self, connection: duckdb.DuckDBPyConnection, parameters: Mapping[str, Any]) -> int:
        """Make its table anew.

        Returns:
            How many rows it has.
        """
        named = {name: parameters[name] for name in set(re.findall(r"\$(\w+)", self.sql))}
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {self.table} AS {self.sql}", named)
        row = connection.execute(f"SELECT count(*) FROM {self.table}").fetchone()  # noqa: S608 - ours
        assert row is not None, "an aggregate gives one row"
        return int(row[0])


def make(connection: duckdb.DuckDBPyConnection, names: tuple[str, ...], parameters: Mapping[str, Any]) -> None:
    """Make some steps, in their order."""
    for name in names:
        Step(name).make(connection, parameters)


def drawing(study: Study) -> tuple[str, ...]:
    """The steps that read no behaviour, for a study's design."""
    return FINDING + DRAWING[study.design.kind]


def ask_for(connection: duckdb.DuckDBPyConnection, study: Study) -> None:
    """Make the tables that steps read beside parameters: criteria of the outcome and of what competes with it,
    and no shift between releases."""
    asked: list[tuple[str | None, Criterion]] = [(None, criterion) for criterion in study.outcome.criteria]
    asked += [(c.name, c) for c in study.design.competing] if isinstance(study.design, Cohort) else []
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE study_asked (cause VARCHAR, kind VARCHAR, scale VARCHAR, texts VARCHAR[],"
        " severities VARCHAR[], at_least DOUBLE, at_most DOUBLE)"
    )
    for cause, c in asked:
        row = (cause, c.kind, c.scale, _listed(c.texts), _listed(c.severities), c.at_least, c.at_most)
        connection.execute("INSERT INTO study_asked VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    outcome = "SELECT * EXCLUDE (cause) FROM study_asked WHERE cause IS NULL"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE study_criterion AS {outcome}")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE study_shift (measure VARCHAR, release_id VARCHAR, difference DOUBLE)"
    )


def parameters_of(study: Study) -> dict[str, Any]:
    """A definition's figures by the names that steps use."""
    p, o, x = study.population, study.outcome, study.exposure
    return {
        **{name: getattr(p, name) for name in ("since", "until", "species")},
        **{name: _listed(getattr(p, name)) for name in ("farms", "pens", "sexes", "age_days", "leave_on")},
        "episode_gap_days": o.episode_gap_days,
        "washout_days": o.washout_days,
        "outcome": o.name,
        "only_first": o.which == "first",
        "index_at": study.index.at,
        "longest_interval_days": study.index.longest_interval_days,
        "seed": study.seed,
        **study.design.parameters,
        "window_days": x.window_days,
        "lag_days": x.lag_days,
        "minimum_days": x.minimum_days,
        "minimum_hours": x.minimum_hours,
        "measures": list(x.measures),
        "primary": x.primary.measure,
        "minimum_confidence": study.identity.minimum_confidence,
        "weigh_days": study.identity.weigh == "days",
        "stratify": study.model_change == "stratify",
    }


def _listed(values: tuple[Any, ...] | None) -> list[Any] | None:
    return None if values is None else list(values)
