"""Cox regression of hazards, all causes or one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from herdbook.errors import EstimationError
from herdbook.studies.estimate.columns import (
    Column,
    Covariates,
    Design,
    Floats,
    codes,
    design,
    flags,
    numbers,
    positive,
    standardise,
)
from herdbook.studies.estimate.fit import Fit, finish
from herdbook.studies.estimate.newton import maximise
from herdbook.studies.estimate.partial import partial_likelihood
from herdbook.studies.estimate.risk_sets import risk_sets

Ties = Literal["efron", "breslow"]


def cox(
    covariates: Covariates,
    stop: Column,
    event: Column,
    *,
    start: Column | None = None,
    strata: Column | None = None,
    weights: Column | None = None,
    clusters: Column | None = None,
    ties: Ties = "efron",
    reference: Mapping[str, str] | None = None,
) -> Fit:
    """Log hazard ratios.

    One row per animal and interval (start, stop] in which its covariates stay the same: an animal may enter late, leave
    and come back, and have many rows. A competing event is a censoring (the ratio is then cause-specific; see
    `events_of`). Robust errors by animal are needed only where an animal can have several events.

    Args:
        covariates: columns by name; texts become indicators of their levels.
        stop: end of each interval, in any unit of time.
        event: 1 or true where it ended in the event.
        start: beginning, before ``stop``; everyone is at risk from the beginning if omitted.
        strata: rows of different strata are never compared.
        weights: above 0. Where they differ, the sandwich's errors are given, by row if no clusters are named.
        clusters: the farm, pen or animal of each row; adds robust errors.
        ties: "efron" (default) or "breslow".
        reference: level that others are compared with, by column.

    Raises:
        EstimationError: values are missing, lengths differ, an interval is empty, or nothing happened.
        NotIdentifiedError: a covariate is constant within every stratum, or follows from the others.
        SeparationError: a covariate has no finite ratio.
        ConvergenceError: the maximum was not found.
    """
    given = design(covariates, reference)
    rows = len(given.values)
    end, happened = numbers("stop", stop, rows), flags("event", event, rows)
    begin = None if start is None else numbers("start", start, rows)
    if begin is not None and (begin >= end).any():
        _refuse_empty(begin, end)
    if not happened.any():
        raise EstimationError("No event happened.", "Follow more animals, or for longer; or check the outcome.")
    weight = positive("weights", weights, rows)
    stratum = np.zeros(rows, np.int64) if strata is None else codes("strata", strata, rows)[0]
    risk, kept = risk_sets(begin, end, happened, stratum)
    counted = int(kept.sum())
    stratum, weight = stratum[kept], weight[kept]
    stratum, count = codes("strata", stratum, counted)
    x, scale = standardise(Design(given.names, given.values[kept]), stratum, count, "strata")
    likelihood = partial_likelihood(given.names, x, weight, risk, efron=ties == "efron")
    groups = None
    if clusters is not None:
        groups = codes("clusters", codes("clusters", clusters, rows)[0][kept], counted)
    elif np.ptp(weight) > 0:
        groups = (np.arange(counted), counted)
    return finish(
        likelihood,
        maximise(likelihood),
        likelihood.at(np.zeros(len(scale))),
        scale,
        groups,
        rows=counted,
        events=int(happened.sum()),
        groups=count,
        left_out=rows - counted,
        weighted=bool(np.ptp(weight) > 0),
    )


def events_of(cause: str, causes: Column) -> list[bool]:
    """Whether each row ended in one cause; other causes, like no cause (none), are censorings.

    A cause-specific hazard ratio says how fast the event comes among those still there; how many get it also depends on
    the competing causes, which `herdbook.studies.estimate.incidence` shows (Andersen et al. 2012,
    doi:10.1093/ije/dyr213).

    Raises:
        EstimationError: no row ended in it.
    """
    listed: list[Any] = causes.to_pylist() if hasattr(causes, "to_pylist") else list(causes)
    found = [value == cause for value in listed]
    if not any(found):
        known = ", ".join(sorted({str(value) for value in listed if value is not None}))
        raise EstimationError(f"No row ended in {cause!r}; causes are {known}.", "Choose a cause that occurs.")
    return found


def _refuse_empty(start: Floats, stop: Floats) -> None:
    bad = np.flatnonzero(start >= stop)
    raise EstimationError(
        f"{bad.size} intervals do not end after they start, first row {bad[0]}: {start[bad[0]]} to {stop[bad[0]]}.",
        "Intervals are (start, stop]; leave out animals that leave on the day they enter, and say how many.",
    )
