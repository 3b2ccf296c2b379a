"""Who is at risk when something happens: sums over risk sets without a loop over times.

Event times of all strata stand in one line, the *grid*. A row is at risk in one run of it, from its first event time
after ``start`` to its last at or before ``stop`` in its own stratum. So a sum over every risk set is a difference of
two cumulative sums, and rows at risk at no event time (most days of most animals) drop out before any computing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herdbook.studies.estimate.columns import Bools, Floats, Ints, summed


@dataclass(frozen=True, eq=False)
class RiskSets:
    """Where each row is at risk."""

    first: Ints
    """(rows,) first place on the grid at which the row is at risk."""
    end: Ints
    """(rows,) one past the last; an event happens at the last."""
    event: Ints
    """(events,) their rows."""
    at: Ints
    """(events,) their places."""
    size: int
    """Places on the grid."""

    def sums(self, values: Floats) -> Floats:
        """Sum over those at risk, at each place.

        Args:
            values: (rows, columns).

        Returns:
            (places, columns).
        """
        # From the last place backwards: without late entry nothing is subtracted, so nothing cancels.
        leaving = summed(values, self.end, self.size + 1)
        entering = summed(values, self.first, self.size + 1)
        total: Floats = np.cumsum(leaving[:0:-1], axis=0)[::-1] - np.cumsum(entering[:0:-1], axis=0)[::-1]
        return total

    def over(self, increments: Floats) -> Floats:
        """Sum of increments at the places where a row is at risk.

        Args:
            increments: (places, columns).

        Returns:
            (rows, columns).
        """
        total = np.concatenate((np.zeros((1, increments.shape[1])), np.cumsum(increments, axis=0)))
        over: Floats = total[self.end] - total[self.first]
        return over


def risk_sets(start: Floats | None, stop: Floats, event: Bools, strata: Ints) -> tuple[RiskSets, Bools]:
    """Risk sets of intervals (start, stop].

    Args:
        start: (rows,) or none if everyone is at risk from the beginning.
        stop: (rows,).
        event: (rows,) whether something happened at ``stop``.
        strata: (rows,) from 0.

    Returns:
        The risk sets of the rows that are ever at risk, and which rows these are.
    """
    times = np.unique(stop[event])
    stride = len(times) + 1
    grid = np.unique(strata[event] * stride + np.searchsorted(times, stop[event], "right"))
    end = np.searchsorted(grid, strata * stride + np.searchsorted(times, stop, "right"), "right")
    entered = np.zeros(len(stop), np.int64) if start is None else np.searchsorted(times, start, "right")
    first = np.searchsorted(grid, strata * stride + entered, "right")
    kept = end > first
    rows = np.flatnonzero(event[kept])
    return RiskSets(first[kept], end[kept], rows, end[kept][rows] - 1, len(grid)), kept
