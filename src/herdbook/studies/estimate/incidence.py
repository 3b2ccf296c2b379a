"""How many get it: Aalen-Johansen cumulative incidence with competing causes, and Kaplan-Meier where there is one.

With d_k events of cause k among y at risk at a time, F_k rises by S(t-) d_k / y and S falls by the factor 1 - d / y
(Aalen & Johansen 1978, *Scandinavian Journal of Statistics* 5, 141-150; one cause: Kaplan & Meier 1958,
doi:10.1080/01621459.1958.10501452). At risk are those who entered before and have not left, so late entry is nothing
special. The variance is of Greenwood's type, the hazards of each time being multinomial (Andersen, Borgan, Gill &
Keiding 1993, *Statistical models based on counting processes*, IV.4; recommended with late entry by Allignol,
Schumacher & Beyersmann 2010, doi:10.1002/bimj.200900039); for one cause it is Greenwood's formula.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import stats

from herdbook.errors import EstimationError
from herdbook.studies.estimate.columns import Column, Floats, Ints, flags, numbers


@dataclass(frozen=True, eq=False)
class Incidence:
    """Step functions that change at event times."""

    causes: tuple[str, ...]
    times: Floats
    """(times,) ascending, at which an event of any cause happened."""
    at_risk: Ints
    """(times,) animals there just before."""
    events: Ints
    """(times, causes)."""
    free: Floats
    """(times,) probability of no event until then: the Kaplan-Meier curve of all causes together."""
    cumulative: Floats
    """(times, causes) probability of an event of each cause until then; with `free` they sum to 1."""
    variance: Floats
    """(times, causes) of ``cumulative``."""

    def at(self, times: Column) -> Floats:
        """(times, causes) cumulative incidence at any times: what it was after the last event, 0 before the first."""
        steps = np.vstack((np.zeros(len(self.causes)), self.cumulative))
        value: Floats = steps[np.searchsorted(self.times, numbers("times", times), "right")]
        return value

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Pointwise interval of each cumulative incidence, on the scale of log(-log(1 - F)), inside 0..1.

        The transformation is Kalbfleisch & Prentice's (*The statistical analysis of failure time data*, 2002, section
        1.4); for one cause it is R's ``conf.type = "log-log"``.

        Returns:
            Low and high ends, (times, causes); NaN where the estimate is 1 and says nothing of its error.
        """
        reach = stats.norm.ppf((1 + level) / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            remain = 1 - self.cumulative
            spread = reach * np.sqrt(self.variance) / np.abs(remain * np.log(remain))
            low, high = 1 - remain ** np.exp(-spread), 1 - remain ** np.exp(spread)
        none = self.cumulative == 0
        return np.where(none, 0, low), np.where(none, 0, high)

    def table(self, level: float = 0.95) -> pa.Table:
        """One row per time and cause: time, cause, at_risk, events, incidence, error, low, high."""
        low, high = self.interval(level)
        count = len(self.causes)
        return pa.table(
            {
                "time": np.repeat(self.times, count),
                "cause": list(self.causes) * len(self.times),
                "at_risk": np.repeat(self.at_risk, count),
                "events": self.events.ravel(),
                "incidence": self.cumulative.ravel(),
                "error": np.sqrt(self.variance).ravel(),
                "low": low.ravel(),
                "high": high.ravel(),
            }
        )


def cumulative_incidence(
    stop: Column, cause: Column, *, start: Column | None = None, since: float | None = None
) -> Incidence:
    """Cumulative incidence of each cause.

    Where few have entered at first, the earliest events take a large share with them; begin at ``since``, a time at
    which enough animals are there, and read the result as given that nothing happened before.

    Args:
        stop: end of each interval (start, stop]; an animal may have several that do not overlap.
        cause: what it ended in, by name; none for a censoring. Culling is a cause, not a censoring.
        start: beginning, before ``stop``; everyone is there from the beginning if omitted.
        since: time before which nothing counts.

    Returns:
        Causes in alphabetical order.

    Raises:
        EstimationError: values are missing, lengths differ, an interval is empty, or nothing happened.
    """
    listed = [_name(value) for value in (cause.to_pylist() if hasattr(cause, "to_pylist") else cause)]
    end = numbers("stop", stop, len(listed))
    begin = np.full(len(end), -np.inf) if start is None else numbers("start", start, len(end))
    if (begin >= end).any():
        raise EstimationError(
            f"{int((begin >= end).sum())} intervals do not end after they start.", "Intervals are (start, stop]."
        )
    if since is not None:
        listed = [value if there else None for value, there in zip(listed, end > since, strict=True)]
        begin, end = np.maximum(begin, since), np.maximum(end, since)
    causes = sorted({value for value in listed if value is not None})
    if not causes:
        raise EstimationError("No event happened.", "Follow more animals, or for longer; or check the outcome.")
    order = {name: k for k, name in enumerate(causes)}
    kind = np.array([-1 if value is None else order[value] for value in listed])
    times, place = np.unique(end[kind >= 0], return_inverse=True)
    events = np.zeros((len(times), len(causes)), np.int64)
    np.add.at(events, (place, kind[kind >= 0]), 1)
    still = len(end) - np.searchsorted(np.sort(end), times, "left")
    entered = len(begin) - np.searchsorted(np.sort(begin), times, "left")
    return _steps(tuple(causes), times, still - entered, events)


def survival_curve(
    stop: Column, event: Column, *, start: Column | None = None, since: float | None = None
) -> Incidence:
    """Kaplan-Meier: `cumulative_incidence` with one cause, ``event``; the curve is `Incidence.free`.

    Args:
        stop, start, since: as there.
        event: 1 or true where an interval ended in the event.
    """
    happened = flags("event", event, len(stop))
    return cumulative_incidence(stop, ["event" if there else None for there in happened], start=start, since=since)


def _name(cause: Any) -> str | None:
    return None if cause is None or (isinstance(cause, float) and math.isnan(cause)) else str(cause)


def _steps(causes: tuple[str, ...], times: Floats, at_risk: Ints, events: Ints) -> Incidence:
    y = at_risk.astype(np.float64)[:, None]
    hazard = events / y
    total = hazard.sum(axis=1, keepdims=True)
    # A last event of everyone at risk makes 1 - d / y exactly 0; sums of quotients might miss it.
    stay = (y - events.sum(axis=1, keepdims=True)) / y
    free = np.cumprod(stay, axis=0)
    before = np.vstack((np.ones((1, 1)), free[:-1]))
    cumulative = np.cumsum(before * hazard, axis=0)
    # Of an error of the hazards at time s, F_k(t) takes S(s-) times that of h_k, less (F_k(t) - F_k(s)) / (1 - h) times
    # that of h. Variances of multinomial hazards add up over s; the square is opened to make three cumulative sums.
    with np.errstate(divide="ignore", invalid="ignore"):
        all_causes = np.where(stay > 0, total / (stay * y), 0)
    own = before**2 * hazard * (1 - hazard) / y
    cross = before * hazard / y
    square = np.cumsum(all_causes, axis=0)
    linear = np.cumsum(all_causes * cumulative + cross, axis=0)
    constant = np.cumsum(all_causes * cumulative**2 + 2 * cross * cumulative + own, axis=0)
    variance = np.maximum(cumulative**2 * square - 2 * cumulative * linear + constant, 0)
    return Incidence(causes, times, at_risk, events, free[:, 0], cumulative, variance)
