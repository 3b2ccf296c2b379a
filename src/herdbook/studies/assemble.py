"""From a definition and records to an analysis table: rows, exposures, and what became of everything."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from herdbook.errors import StudyDefinitionError
from herdbook.studies.definition import Study
from herdbook.studies.designs import Cohort
from herdbook.studies.model_change import bridge, refusal
from herdbook.studies.source import Source
from herdbook.studies.steps import JUDGING, READING, TELLING, ask_for, drawing, make, parameters_of
from herdbook.studies.training import leak


@dataclass(frozen=True)
class Assembled:
    """What there is to compare; nothing has been estimated."""

    rows: pa.Table
    """One per drawn animal and set: the columns of ``sql/study/row``, with each exposure and its days before
    ``left_out``; ordered by set, cases first."""
    cases: pa.Table
    """One per episode: the columns of ``sql/study/case``."""
    flow: pa.Table
    """``what``, ``labels``, ``cases``, ``controls``: the numbers of a flow chart."""
    missing: pa.Table
    """Missingness by measure and role: the columns of ``sql/study/missing``."""
    coverage: pa.Table
    """How well windows were observed, by week and role: the columns of ``sql/study/coverage``."""
    seen_by: pa.Table
    """Releases that saw windows, from when to when: the columns of ``sql/study/release``."""
    scored: tuple[int, int]
    """Values on a scale that meet the outcome, and those that do not."""
    releases: tuple[str, ...]
    """Model releases that saw the windows of rows that count."""
    follow: pa.Table | None
    """Times at risk: the columns of ``sql/study/follow``; of cohorts only."""
    refusal: StudyDefinitionError | None
    """Why the rows may not be compared, if so."""

    @property
    def used(self) -> pa.Table:
        """The rows that count."""
        return self.rows.filter(self.rows["left_out"].is_null())


def assemble(study: Study, source: Source) -> Assembled:
    """Go through all steps.

    Raises:
        ModelMixError: releases shall be bridged, and a bridge is not there.
    """
    connection = source.connection
    parameters = parameters_of(study)
    ask_for(connection, study)
    make(connection, drawing(study) + READING, parameters)
    bridge(connection, study)
    make(connection, JUDGING + TELLING, parameters)
    return assembled(study, connection)


def assembled(study: Study, connection: duckdb.DuckDBPyConnection) -> Assembled:
    """What all steps have made."""
    rows = connection.execute(_with_exposures(study)).to_arrow_table()
    releases = connection.execute(
        "SELECT DISTINCT unnest(releases) AS release_id FROM study_row WHERE left_out IS NULL ORDER BY ALL"
    ).fetchall()
    return Assembled(
        rows=rows,
        cases=_table(connection, "case"),
        flow=_table(connection, "flow"),
        missing=_table(connection, "missing"),
        coverage=_table(connection, "coverage"),
        seen_by=_table(connection, "release"),
        scored=_scored(connection),
        releases=tuple(release for (release,) in releases),
        follow=_table(connection, "follow") if isinstance(study.design, Cohort) else None,
        refusal=leak(connection, study.trained_on) or refusal(connection, study),
    )


def _scored(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    counts = "SELECT count(*) FILTER (meets), count(*) FILTER (NOT meets) FROM study_scored WHERE measured"
    met, not_met = connection.execute(counts).fetchone() or (0, 0)
    return met, not_met


def _table(connection: duckdb.DuckDBPyConnection, step: str) -> pa.Table:
    return connection.execute(f"FROM study_{step}").to_arrow_table()


def _with_exposures(study: Study) -> str:
    """The rows' columns, each exposure's value and days beside them; names are the catalogue's."""
    columns = ", ".join(
        f"max(e.value) FILTER (e.measure = '{name}') AS {name}, "
        f"coalesce(max(e.days) FILTER (e.measure = '{name}'), 0) AS {name}_days"
        for name in study.exposure.measures
    )
    return (
        f"SELECT r.* EXCLUDE (left_out), {columns}, r.left_out FROM study_row AS r "  # noqa: S608 - ours
        "LEFT JOIN study_exposure AS e ON e.set_id = r.set_id AND e.animal_id = r.animal_id "
        "AND e.index_day = r.index_day GROUP BY ALL ORDER BY r.set_id, r.is_case DESC, r.animal_id, r.index_day DESC"
    )
