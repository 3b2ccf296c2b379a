"""From an analysis table to estimates: each exposure in a model of its own, beside what is adjusted for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from herdbook.errors import EmptyStudyError, EstimationError
from herdbook.studies.definition import Exposed, Study
from herdbook.studies.designs import Cohort, Crossover
from herdbook.studies.estimate import Fit, adjust, conditional_logit, cox, crossover
from herdbook.studies.estimate.columns import Covariates
from herdbook.studies.rounding import rounded

SCHEMA = pa.schema(
    [
        pa.field(name, kind)
        for kind, names in (
            (pa.string(), ("exposure", "role")),
            (pa.float64(), ("per", "ratio", "ratio_low", "ratio_high", "coefficient", "error", "low", "high", "p")),
            (pa.float64(), ("p_adjusted", "difference", "difference_low", "difference_high")),
            (pa.int64(), ("sets", "cases", "rows", "rows_left_out", "clusters")),
            (pa.string(), ("errors", "problem")),
        )
        for name in names
    ]
)
"""A row per exposure: odds ratio per ``per``, which with risk-set sampling is a rate ratio (of a cohort the hazard
ratio, cause-specific if others compete; of a crossover the odds ratio against the animal's own earlier windows); its
logarithm ``coefficient`` with the interval ``low`` to ``high``; ``difference``, by how much cases lie above the mean of
the others in their set, in the measure's own unit; sets, cases and rows that count, and rows that cannot; or why there
is no estimate."""


def find(study: Study, rows: pa.Table) -> pa.Table:
    """Estimates of all exposures, the primary first.

    Args:
        study: the definition.
        rows: those of `herdbook.studies.assemble.Assembled.used`.

    Returns:
        A table of `SCHEMA`.

    Raises:
        EmptyStudyError: no set has both a case and a control.
        EstimationError: the primary exposure has no estimate; another exposure's problem is told in its row.
    """
    if not rows.num_rows:
        raise EmptyStudyError(f"{study.study}: no matched set has a case and a control that count")
    found = [_estimate(study, study.exposure.primary, rows) | {"role": "primary"}]
    for exposed in study.exposure.others:
        try:
            row = _estimate(study, exposed, rows)
        except EstimationError as error:
            row = {"exposure": exposed.measure, "per": exposed.per, "problem": error.message}
        found.append(row | {"role": "other"})
    known = [row for row in found if "p" in row]
    adjusted = adjust(
        [row["exposure"] for row in known],
        [row["p"] for row in known],
        study.exposure.primary.measure,
        study.errors.multiplicity,
    )
    for row, after in zip(known, adjusted, strict=True):
        row["p_adjusted"] = after.adjusted
    return pa.Table.from_pylist([{k: rounded(v) for k, v in row.items()} for row in found], schema=SCHEMA)


def reading(row: Mapping[str, Any]) -> str:
    """What an interval of a ratio tells, ``ratio_low`` to ``ratio_high``: where 1 lies."""
    if row["ratio_low"] > 1:
        return "raises it"
    return "lowers it" if row["ratio_high"] < 1 else "no association told"


def fit(study: Study, exposed: Exposed, rows: pa.Table) -> Fit:
    """The model of one exposure, by rows that have a value of everything.

    Raises:
        EstimationError: it cannot be estimated.
    """
    complete = complete_rows(study, exposed, rows)
    covariates = {exposed.measure: pc.divide(complete[exposed.measure], exposed.per)}
    covariates |= {trait: complete[trait] for trait in study.adjust_for}
    return model(study, covariates, complete)


def model(study: Study, covariates: Covariates, rows: pa.Table) -> Fit:
    """The model of the study's design.

    Args:
        study: the definition.
        covariates: columns by name, row by row with ``rows``.
        rows: of the analysis table, complete.

    Raises:
        EstimationError: it cannot be estimated.
    """
    case, cluster = rows["is_case"].to_numpy(), study.errors.cluster
    clusters = None if cluster is None else rows[f"{cluster}_id"]
    weights = rows["confidence"] if study.identity.weigh == "rows" else None
    if isinstance(study.design, Crossover):
        return crossover(covariates, case, rows["animal_id"], period=rows["set_id"], weights=weights, clusters=clusters)
    if isinstance(study.design, Cohort):
        return cox(
            covariates,
            rows["stop"],
            case,
            start=rows["start"],
            strata=strata(study, rows),
            weights=weights,
            clusters=clusters,
            ties=study.design.ties,
        )
    return conditional_logit(covariates, case, rows["set_id"], weights=weights, clusters=clusters)


def strata(study: Study, rows: pa.Table) -> list[str]:
    """Within which a cohort's rows are compared: its strata, and the releases that saw a window if it stratifies."""
    named: list[str] = rows["stratum"].to_pylist()
    if study.model_change != "stratify":
        return named
    seen = (" ".join(releases) for releases in rows["releases"].to_pylist())
    return [f"{stratum} {releases}" for stratum, releases in zip(named, seen, strict=True)]


def _estimate(study: Study, exposed: Exposed, rows: pa.Table) -> dict[str, Any]:
    fitted = fit(study, exposed, rows)
    of_exposure = fitted.estimates(study.errors.level, few_clusters=study.errors.few_clusters)[0]
    ratio, low, high = of_exposure.ratio
    middle, least, most = _difference(complete_rows(study, exposed, rows), exposed.measure, study.errors.level)
    return {
        "exposure": exposed.measure,
        "per": exposed.per,
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
        "coefficient": of_exposure.coefficient,
        "error": of_exposure.error,
        "low": of_exposure.low,
        "high": of_exposure.high,
        "p": of_exposure.p,
        "difference": middle,
        "difference_low": least,
        "difference_high": most,
        "sets": fitted.groups,
        "cases": fitted.events,
        "rows": fitted.rows,
        "rows_left_out": rows.num_rows - fitted.rows,
        "clusters": fitted.clusters,
        "errors": "model" if fitted.robust is None else "robust",
    }


def _difference(rows: pa.Table, measure: str, level: float) -> tuple[float | None, float | None, float | None]:
    """Mean over sets of the case's value less its controls' mean, with Student's interval: sets are independent."""
    means = rows.group_by(["set_id", "is_case"]).aggregate([(measure, "mean")])
    case, control = (
        dict(zip(*(part[name].to_pylist() for name in ("set_id", f"{measure}_mean")), strict=True))
        for part in (means.filter(means["is_case"]), means.filter(pc.invert(means["is_case"])))
    )
    by = np.array([case[name] - control[name] for name in sorted(case.keys() & control.keys())])
    if len(by) < 2:
        return None, None, None
    reach = float(stats.t.ppf((1 + level) / 2, len(by) - 1) * by.std(ddof=1) / np.sqrt(len(by)))
    return float(by.mean()), float(by.mean()) - reach, float(by.mean()) + reach


def complete_rows(study: Study, exposed: Exposed, rows: pa.Table) -> pa.Table:
    """Rows that have a value of the exposure and of everything that is adjusted for."""
    known = pc.is_valid(rows[exposed.measure])
    for trait in study.adjust_for:
        known = pc.and_(known, pc.is_valid(rows[trait]))
    return rows.filter(known)
