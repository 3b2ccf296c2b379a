"""How an animal grows: a straight line or Gompertz's curve through what was measured, and where it leads.

Gompertz: ``size = grown * exp(-exp(-rate * (age - turn)))``, the usual curve of pigs and cattle (Wellock, Emmans,
Kyriazakis 2004, Anim Sci 78:379-388). The corrected Akaike criterion chooses (Hurvich, Tsai 1989, Biometrika
76:297-307). Intervals are of one new measurement: the residual's variance plus the curve's by the delta method, with
Student's t. They hold if errors are independent and the animal goes on as it did; neither is known.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from herdbook.analytics.shares import Floats

LEAST_MEASURED = 4
LEAST_FOR_CURVE = 8
"""Measurements from which on a curve is tried: three parameters of fewer bend to anything."""
Curve = Callable[..., Floats]


@dataclass(frozen=True)
class Growth:
    """A fitted curve."""

    model: str
    """linear or gompertz."""
    parameters: Floats
    covariance: Floats
    deviation: float
    """Residual standard deviation, in the unit of the size."""
    measured: int
    first: float
    last: float
    """Time of the first and last measurement, days."""

    def at(self, time: Floats) -> Floats:
        """The curve, ``[n]``."""
        return np.asarray(_CURVES[self.model](np.asarray(time, float), *self.parameters))

    def interval(self, time: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
        """Where a new measurement is expected, ``[n]`` each."""
        from scipy.stats import t

        time = np.asarray(time, float)
        gradient = _gradient(_CURVES[self.model], time, self.parameters)
        variance = np.einsum("np,pq,nq->n", gradient, self.covariance, gradient) + self.deviation**2
        half = t.ppf(0.5 + level / 2, self.measured - len(self.parameters)) * np.sqrt(variance)
        middle = self.at(time)
        return middle - half, middle + half

    def gain(self, time: float) -> float:
        """Size gained per day at a time."""
        low, high = self.at(np.array([time - 0.5, time + 0.5]))
        return float(high - low)


def fit_growth(time: Floats, size: Floats) -> Growth | None:
    """The better of a line and Gompertz's curve.

    Args:
        time: ``[n]`` days, from any origin.
        size: ``[n]`` in any unit, positive; NaN is left out.

    Returns:
        None with fewer than `LEAST_MEASURED` measurements, or all on one day.
    """
    known = ~np.isnan(size) & ~np.isnan(time) & (np.nan_to_num(size) > 0)
    time, size = time[known], size[known]
    if len(time) < LEAST_MEASURED or np.ptp(time) <= 0:
        return None
    line = _fit("linear", time, size, np.polyfit(time, size, 1)[::-1])
    if len(time) < LEAST_FOR_CURVE:
        return line
    curve = _fit("gompertz", time, size, _start(time, size))
    found = [(_criterion(fit), fit) for fit in (line, curve) if fit is not None]
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _line(time: Floats, at_zero: float, per_day: float) -> Floats:
    return at_zero + per_day * time


def _gompertz(time: Floats, grown: float, rate: float, turn: float) -> Floats:
    return np.asarray(grown * np.exp(-np.exp(np.clip(-rate * (time - turn), -50, 50))))


_CURVES: dict[str, Curve] = {"linear": _line, "gompertz": _gompertz}


def _fit(model: str, time: Floats, size: Floats, start: Floats) -> Growth | None:
    from scipy.optimize import OptimizeWarning, curve_fit

    span = np.ptp(time)
    bounds: Any = (-np.inf, np.inf)
    if model == "gompertz":  # a curve that turns far outside what was measured, or is never done growing, is a line
        low = [size.max() * 0.9, 0.05 / span, time.min() - 2 * span]
        high = [size.max() * 20, 50 / span, time.max() + span]
        bounds, start = (low, high), np.clip(start, low, high)
    with warnings.catch_warnings():
        warnings.simplefilter("error", OptimizeWarning)
        try:
            parameters, covariance = curve_fit(_CURVES[model], time, size, p0=start, bounds=bounds, maxfev=5000)
        except (RuntimeError, OptimizeWarning, ValueError):
            return None
    free = len(time) - len(parameters)
    residual = size - _CURVES[model](time, *parameters)
    deviation = float(np.sqrt(residual @ residual / free))
    if not np.all(np.isfinite(covariance)):
        return None
    return Growth(model, parameters, covariance, deviation, len(time), float(time.min()), float(time.max()))


def _start(time: Floats, size: Floats) -> Floats:
    """Gompertz's curve is a line in ``log(-log(size / grown))`` once the grown size is guessed."""
    grown = 1.5 * size.max()
    slope, level = np.polyfit(time, np.log(-np.log(size / grown)), 1)
    rate = max(-slope, 1e-6)
    return np.array([grown, rate, level / rate])


def _criterion(fit: Growth) -> float:
    n, k = fit.measured, len(fit.parameters) + 1
    squares = max(fit.deviation**2 * (n - k + 1), np.finfo(float).tiny)
    return float(n * np.log(squares / n) + 2 * k + 2 * k * (k + 1) / max(n - k - 1, 1))


def _gradient(curve: Curve, time: Floats, parameters: Floats) -> Floats:
    columns = []
    for n, value in enumerate(parameters):
        step = max(abs(value), 1e-6) * 1e-5
        above, below = parameters.copy(), parameters.copy()
        above[n] += step
        below[n] -= step
        columns.append((curve(time, *above) - curve(time, *below)) / (2 * step))
    return np.stack(columns, axis=-1)
