"""Cox's partial likelihood, with Breslow's or Efron's treatment of ties.

Cox 1972 (doi:10.1111/j.2517-6161.1972.tb00899.x); intervals and late entry as in Andersen & Gill 1982
(doi:10.1214/aos/1176345976). Of d tied events Efron 1977 (doi:10.1080/01621459.1977.10480613) takes l/d of their own
odds out of the risk set of the l-th; Breslow 1974 takes none. Case weights multiply the odds, and the tied events
share their mean weight; score residuals are those of Therneau & Grambsch 2000, *Modeling survival data*, section 4.6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herdbook.studies.estimate.columns import Floats, Ints, summed
from herdbook.studies.estimate.newton import Point
from herdbook.studies.estimate.risk_sets import RiskSets


@dataclass(frozen=True, eq=False)
class _State:
    """What value, score, information and residuals share at one place."""

    value: float
    odds: Floats
    """(rows,) weight times relative hazard, in units of the largest hazard."""
    mean: Floats
    """(draws, covariates) expected covariates of each draw from a risk set."""
    hazard: Floats
    """(draws,) weight of a draw over its risk set's odds."""


@dataclass(frozen=True, eq=False)
class PartialLikelihood:
    """Events drawn from risk sets; tied events are several draws from one."""

    names: tuple[str, ...]
    x: Floats
    """(rows, covariates)."""
    weights: Floats
    """(rows,)."""
    risk: RiskSets
    place: Ints
    """(draws,) place on the grid."""
    share: Floats
    """(draws,) of the tied events' own odds that is out of the risk set."""
    drawn: Floats
    """(draws,) weight."""

    def at(self, beta: Floats) -> Point:
        """Value, score and information."""
        state = self._state(beta)
        event = self.risk.event
        score = self.weights[event] @ self.x[event] - self.drawn @ state.mean
        expected = state.odds * self._exposure(state)
        information = (self.x * expected[:, None]).T @ self.x
        information -= (state.mean * self.drawn[:, None]).T @ state.mean
        return Point(state.value, score, information)

    def residuals(self, beta: Floats) -> Floats:
        """(rows, covariates) weighted score residuals: what was observed of a row less what was expected of it."""
        state = self._state(beta)
        event, at = self.risk.event, self.risk.at
        weighted = state.mean * state.hazard[:, None]
        moment = self.risk.over(self._by_place(weighted))
        moment[event] -= self._by_place(weighted * self.share[:, None])[at]
        residuals = -state.odds[:, None] * (self.x * self._exposure(state)[:, None] - moment)
        draws = np.bincount(self.place, minlength=self.risk.size)[:, None]
        expected = (self._by_place(state.mean) / draws)[at]
        residuals[event] += self.weights[event][:, None] * (self.x[event] - expected)
        return residuals

    def _state(self, beta: Floats) -> _State:
        eta = self.x @ beta
        top = eta.max()
        odds = self.weights * np.exp(eta - top)
        both = np.column_stack((odds, self.x * odds[:, None]))
        at_risk = self.risk.sums(both)[self.place]
        if self.share.any():
            at_risk -= self.share[:, None] * summed(both[self.risk.event], self.risk.at, self.risk.size)[self.place]
        total = at_risk[:, 0]
        happened = self.weights[self.risk.event] @ eta[self.risk.event]
        value = happened - self.drawn @ (np.log(total) + top)
        return _State(float(value), odds, at_risk[:, 1:] / total[:, None], self.drawn / total)

    def _exposure(self, state: _State) -> Floats:
        """(rows,) cumulative baseline hazard that each row went through."""
        exposure = self.risk.over(self._by_place(state.hazard[:, None]))[:, 0]
        if self.share.any():
            own = self._by_place(state.hazard * self.share)
            exposure[self.risk.event] -= own[self.risk.at]
        return exposure

    def _by_place(self, values: Floats) -> Floats:
        return summed(values, self.place, self.risk.size)


def partial_likelihood(
    names: tuple[str, ...], x: Floats, weights: Floats, risk: RiskSets, *, efron: bool
) -> PartialLikelihood:
    """The likelihood of events in risk sets.

    Args:
        names: (covariates,).
        x: (rows, covariates).
        weights: (rows,) above 0.
        risk: of the same rows.
        efron: Efron's ties, otherwise Breslow's.
    """
    tied = np.bincount(risk.at, minlength=risk.size)
    weight = summed(weights[risk.event], risk.at, risk.size)
    if not efron:
        return PartialLikelihood(names, x, weights, risk, np.arange(risk.size), np.zeros(risk.size), weight)
    place = np.repeat(np.arange(risk.size), tied)
    nth = np.arange(len(place)) - np.repeat(np.cumsum(tied) - tied, tied)
    share: Floats = nth / tied[place]
    return PartialLikelihood(names, x, weights, risk, place, share, (weight / tied)[place])
