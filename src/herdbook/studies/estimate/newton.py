"""The maximum of a concave log likelihood, and how one is told from a likelihood that has none.

Newton's method converges quadratically to a maximum: once a step gains next to nothing, the step after it is next to
nothing too. Where a covariate separates the outcome, the likelihood rises for ever towards a bound (Albert & Anderson
1984, doi:10.1093/biomet/71.1.1; for Cox models Bryson & Johnson 1981, doi:10.1080/00401706.1981.10487680): then steps
keep their length while their gain dies away. So a run of steps without gain that do not shrink is separation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import linalg

from herdbook.errors import ConvergenceError, NotIdentifiedError, SeparationError
from herdbook.studies.estimate.columns import Floats, Ints

_STEP = 1e-8
"""A step shorter than this, in standard deviations of each covariate, is the last one."""
_NO_GAIN = 1e-6
"""Twice the log likelihood that a step must promise to count as gain."""
_PATIENCE = 5
_ITERATIONS = 60
_HALVINGS = 30
_SINGULAR = 1e-9
"""Least eigenvalue of the information, as a correlation matrix."""
_INVOLVED = 0.1
"""Share of the largest part in a direction at which a covariate is named."""


@dataclass(frozen=True, eq=False)
class Point:
    """A log likelihood at one place."""

    value: float
    score: Floats
    """(covariates,) its gradient."""
    information: Floats
    """(covariates, covariates) its Hessian with the sign turned."""

    def __add__(self, other: Point) -> Point:
        return Point(self.value + other.value, self.score + other.score, self.information + other.information)


class Likelihood(Protocol):
    """A concave function of coefficients, in units of the covariates' standard deviations."""

    @property
    def names(self) -> tuple[str, ...]:
        """The covariates."""

    def at(self, beta: Floats) -> Point:
        """Value, score and information at ``beta``, (covariates,)."""

    def residuals(self, beta: Floats) -> Floats:
        """(rows, covariates) each row's weighted share of the score."""


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where a likelihood is largest."""

    beta: Floats
    point: Point
    iterations: int


def maximise(likelihood: Likelihood, start: Floats | None = None, free: Ints | None = None) -> Maximum:
    """The maximum over the free coefficients, the others staying where they start.

    Args:
        likelihood: what is maximised.
        start: (covariates,) where to begin; 0 otherwise.
        free: indices of the coefficients that may move; all otherwise.

    Raises:
        NotIdentifiedError: at the start, some combination of covariates does not matter.
        SeparationError: there is no finite maximum.
        ConvergenceError: none was found.
    """
    names = likelihood.names
    beta = np.zeros(len(names)) if start is None else start.copy()
    moving = np.arange(len(names)) if free is None else free
    point = likelihood.at(beta)
    if not moving.size:
        return Maximum(beta, point, 0)
    if start is None:
        _check_rank(point.information, names)
    idle = 0
    for iteration in range(1, _ITERATIONS + 1):
        step = _newton_step(point, moving)
        if step is None:
            raise SeparationError(f"No finite estimate: {_involved(beta[moving], moving, names)}.")
        gain = float(point.score[moving] @ step)
        beta, point = _walk(likelihood, beta, point, step, moving)
        if np.abs(step).max() <= _STEP * (1 + np.abs(beta).max()):
            return Maximum(beta, point, iteration)
        idle = idle + 1 if gain < _NO_GAIN else 0
        if idle >= _PATIENCE:
            raise SeparationError(f"No finite estimate: {_involved(step, moving, names)}.")
    raise ConvergenceError(f"No maximum of the likelihood after {_ITERATIONS} steps ({', '.join(names)}).")


def _newton_step(point: Point, moving: Ints) -> Floats | None:
    try:
        step: Floats = linalg.solve(point.information[np.ix_(moving, moving)], point.score[moving], assume_a="pos")
    except (linalg.LinAlgError, ValueError):
        return None
    return step


def _walk(likelihood: Likelihood, beta: Floats, point: Point, step: Floats, moving: Ints) -> tuple[Floats, Point]:
    """The step, or as large a part of it as does not lose."""
    slack = 1e-10 * (1 + abs(point.value))
    for halvings in range(_HALVINGS):
        there = beta.copy()
        there[moving] += step * 0.5**halvings
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            reached = likelihood.at(there)
        if np.isfinite(reached.value) and reached.value >= point.value - slack:
            return there, reached
    raise ConvergenceError(f"No step improves the likelihood ({', '.join(likelihood.names)}).")


def _check_rank(information: Floats, names: tuple[str, ...]) -> None:
    spread = np.sqrt(np.diag(information).clip(min=0))
    idle = spread <= _SINGULAR * max(1.0, spread.max())
    if idle.any():
        raise NotIdentifiedError(f"No difference to compare: {', '.join(np.array(names)[idle])}.")
    values, vectors = np.linalg.eigh(information / np.outer(spread, spread))
    if values[0] < _SINGULAR:
        named = _involved(vectors[:, 0], np.arange(len(names)), names)
        raise NotIdentifiedError(f"Each follows from the others: {named}.")


def _involved(direction: Floats, moving: Ints, names: tuple[str, ...]) -> str:
    size = np.abs(direction)
    return ", ".join(names[k] for k in moving[size >= _INVOLVED * size.max()])
