"""Matched sets with one case each: the case against all of its set.

The conditional likelihood of a set is the case's share of the set's odds (Breslow & Day 1980, *Statistical methods in
cancer research* I, IARC, equation 7.3); it is a multinomial logit, all sets at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herdbook.studies.estimate.columns import Floats, Ints
from herdbook.studies.estimate.newton import Point


@dataclass(frozen=True, eq=False)
class OneCase:
    """Sets with one case, one after another."""

    x: Floats
    """(rows, covariates)."""
    offset: Floats
    """(rows,) added to the linear predictor."""
    starts: Ints
    """(sets,) first row of each."""
    sets: Ints
    """(rows,) set of each row, from 0."""
    cases: Ints
    """(sets,) the case's row."""
    weights: Floats
    """(sets,)."""

    def at(self, beta: Floats) -> Point:
        """Value, score and information of all sets."""
        eta, top, share, total = self._shares(beta)
        mean = np.add.reduceat(share[:, None] * self.x, self.starts)
        value = self.weights @ (eta[self.cases] - top - np.log(total))
        score = self.weights @ (self.x[self.cases] - mean)
        weighted = (share * self.weights[self.sets])[:, None]
        information = (self.x * weighted).T @ self.x - (mean * self.weights[:, None]).T @ mean
        return Point(float(value), score, information)

    def probabilities(self, beta: Floats) -> Floats:
        """(rows,) that a row is its set's case."""
        return self._shares(beta)[2]

    def _shares(self, beta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        eta: Floats = self.x @ beta + self.offset
        top = np.maximum.reduceat(eta, self.starts)
        odds = np.exp(eta - top[self.sets])
        total = np.add.reduceat(odds, self.starts)
        return eta, top, odds / total[self.sets], total
