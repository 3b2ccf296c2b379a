"""Matched sets with several cases: the exact conditional likelihood, by recursion over the rows of a set.

Given that m of n rows are cases, the set's likelihood is the product of the cases' odds over the sum of such products
for all subsets of m rows (Breslow & Day 1980, IARC, equation 7.2). The sum is a symmetric polynomial, built row by row
(Gail, Lubin & Rubinstein 1981, doi:10.1093/biomet/68.3.703).

Here the recursion runs in probabilities, not odds: rows are thought independent with success probability
``expit(eta - c)``, ``c`` such that m successes are expected; conditional on m successes that is the same law for every
``c`` (Chen, Dempster & Liu 1994, doi:10.1093/biomet/81.3.457), and the probability of m successes, which is divided by,
stays far from 0. Inclusion probabilities come from a forward and a backward pass; pairs of rows need the forward first
moment only, so a set costs n x m x covariates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from herdbook.studies.estimate.columns import Bools, Floats, Ints
from herdbook.studies.estimate.newton import Point

_HALVINGS = 14
"""Of the range in which ``c`` lies; it need not be exact."""


@dataclass(frozen=True, eq=False)
class SeveralCases:
    """Sets side by side, filled up to the same length."""

    x: Floats
    """(length, sets, covariates)."""
    offset: Floats
    """(length, sets) added to the linear predictor."""
    there: Bools
    """(length, sets) false where a set is filled up."""
    case: Bools
    """(length, sets)."""
    weights: Floats
    """(sets,)."""

    @property
    def cases(self) -> Ints:
        """(sets,) how many."""
        cases: Ints = self.case.sum(axis=0, dtype=np.int64)
        return cases

    def at(self, beta: Floats) -> Point:
        """Value, score and information of all sets."""
        eta, centre, chance = self._chances(beta)
        rest = self._rest(chance)
        share, before = self._forward(chance, rest)
        # log of the symmetric polynomial: m c + sum of log(1 + odds) + log probability of m successes
        odds = np.logaddexp(0, np.where(self.there, eta - centre, -np.inf)).sum(axis=0)
        polynomial = self.cases * centre + odds + np.log(rest[0, :, 0])
        value = self.weights @ (np.where(self.case, eta, 0).sum(axis=0) - polynomial)
        mean = np.einsum("ns,nsp->sp", share, self.x)
        score = self.weights @ (np.einsum("ns,nsp->sp", self.case.astype(np.float64), self.x) - mean)
        count = self.x.shape[2]
        flat = (self.x * self.weights[:, None]).reshape(-1, count)
        pairs = flat.T @ before.reshape(-1, count)
        second = flat.T @ (self.x * share[:, :, None]).reshape(-1, count) + pairs + pairs.T
        return Point(float(value), score, second - (mean * self.weights[:, None]).T @ mean)

    def probabilities(self, beta: Floats) -> Floats:
        """(length, sets) that a row is among its set's cases; 0 where there is none."""
        _, _, chance = self._chances(beta)
        return self._forward(chance, self._rest(chance))[0]

    def _chances(self, beta: Floats) -> tuple[Floats, Floats, Floats]:
        """Linear predictor (length, sets), ``c`` (sets,) and the success probabilities (length, sets)."""
        eta: Floats = self.x @ beta + self.offset
        share = self.cases / self.there.sum(axis=0)
        even = special.logit(share)
        low = np.where(self.there, eta, np.inf).min(axis=0) - even
        high = np.where(self.there, eta, -np.inf).max(axis=0) - even
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            many = np.where(self.there, special.expit(eta - middle), 0).sum(axis=0) > self.cases
            low, high = np.where(many, middle, low), np.where(many, high, middle)
        centre = (low + high) / 2
        return eta, centre, np.where(self.there, special.expit(eta - centre), 0)

    def _rest(self, chance: Floats) -> Floats:
        """(length + 1, sets, most cases + 2) probability that the rows from here on bring ``k`` successes up to the
        set's number."""
        length, sets = chance.shape
        most = int(self.cases.max())
        rest = np.zeros((length + 1, sets, most + 2))
        rest[length, np.arange(sets), self.cases] = 1
        for row in range(length - 1, -1, -1):
            p = chance[row, :, None]
            rest[row, :, :-1] = (1 - p) * rest[row + 1, :, :-1] + p * rest[row + 1, :, 1:]
        return rest

    def _forward(self, chance: Floats, rest: Floats) -> tuple[Floats, Floats]:
        """Inclusion probabilities (length, sets); and for each row the expected sum of covariates of included rows
        before it, where it is included itself (length, sets, covariates)."""
        length, sets, count = self.x.shape
        most = rest.shape[2] - 1
        share, before = np.empty((length, sets)), np.empty((length, sets, count))
        ways = np.zeros((sets, most))  # probability of k successes so far
        ways[:, 0] = 1
        moment = np.zeros((sets, most, count))  # ... times the expected sum of their covariates
        for row in range(length):
            p = chance[row]
            finish = rest[row + 1, :, 1:]
            factor = p / rest[0, :, 0]
            share[row] = factor * np.einsum("sk,sk->s", ways, finish)
            before[row] = factor[:, None] * np.matmul(finish[:, None, :], moment)[:, 0]
            p = p[:, None]
            taken = p[:, :, None] * (moment[:, :-1] + ways[:, :-1, None] * self.x[row][:, None, :])
            moment *= 1 - p[:, :, None]
            moment[:, 1:] += taken
            gained = p * ways[:, :-1]
            ways *= 1 - p
            ways[:, 1:] += gained
        return share, before
