"""How an animal grew: weights of the farm with a fitted curve and its forecast, and its size as cameras measured it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from herdbook.analytics.growth import Growth, fit_growth
from herdbook.analytics.shares import middle
from herdbook.labels.kinds import KILOGRAMS
from herdbook.reports import words
from herdbook.reports.figure import DARK, INK, LIGHT, MIDDLE, Plot, drawing, dress, x_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from herdbook.analytics.shares import Floats
    from herdbook.reports.animal_rows import AnimalRecord
    from herdbook.reports.marks import Fact

FORECAST_DAYS = 28
NAMES = {"linear": "a straight line", "gompertz": "Gompertz's curve"}


def weight_plot(record: AnimalRecord) -> Plot | None:
    """Weighings, the fitted curve, and where the next is expected."""
    weights = record.weights
    if not weights:
        return None
    days, x = record.axis.days, np.array(x_of(record.axis.days))
    unit, size = in_one_unit(weights)
    begin = x_of([record.axis.first])[0]
    time = np.array([x_of([fact.day])[0] for fact in weights]) - begin
    fit = fit_growth(time, size)
    said = f"{words.count(len(weights), 'weighing')}, from {size[0]:.1f} to {size[-1]:.1f} {unit}."
    if any(fact.unit not in (unit, None) for fact in weights):
        said += f" Those in other units are shown in {unit}."
    line = np.full(len(days), np.nan)
    with drawing(2.2, legend=True) as ([ax], made):
        ax.plot(begin + time, size, "s", color=INK, markersize=4.5, label="weighed", zorder=4)
        if fit is not None:
            line = fit.at(x - begin)
            past = np.arange(fit.first, fit.last + 0.5)
            ahead = np.arange(fit.last, x_of([record.drawn_until])[0] - begin)
            whole = np.concatenate([past, ahead])
            low, high = fit.interval(whole)
            ax.plot(begin + past, fit.at(past), color=DARK, linewidth=1.8, label=f"fitted: {NAMES[fit.model]}")
            ax.plot(begin + ahead, fit.at(ahead), color=MIDDLE, linestyle=(0, (4, 2)), linewidth=1.6, label="forecast")
            band: Any = {"color": "#dfe9f2", "linewidth": 0, "zorder": 0.6, "label": "95 % of new weighings"}
            ax.fill_between(begin + whole, low, high, **band)
            said += f" {forecast_said(fit, unit, record)}"
        ax.set_ylabel(unit)
        dress([ax], record.marks, record.axis.first, record.drawn_until)
    by_day = {fact.day: float(value) for fact, value in zip(weights, size, strict=True)}
    return Plot(
        "growth",
        "Weight",
        "Weighings of the farm. " + (said if fit is not None else "Fewer than four weighings fit no curve."),
        f"Weighings by day with the fitted curve. {said}",
        made[0],
        ("day", f"weighed, {unit}", f"fitted, {unit}"),
        [(d.isoformat(), words.cell(by_day.get(d), 1), words.cell(line[k], 1)) for k, d in enumerate(days)],
    )


def in_one_unit(weights: Sequence[Fact]) -> tuple[str, Floats]:
    """The unit that all weighings are in, or kilograms where there are several, and their values in it."""
    units = {fact.unit or "kg" for fact in weights}
    [unit] = units if len(units) == 1 else ["kg"]
    given = np.array([fact.number or np.nan for fact in weights])
    return unit, given * [KILOGRAMS[fact.unit or "kg"] / KILOGRAMS[unit] for fact in weights]


def forecast_said(fit: Growth, unit: str, record: AnimalRecord) -> str:
    """The forecast in words: gain at the last weighing, and a weighing four weeks later with its interval."""
    later = fit.last + FORECAST_DAYS
    [expected] = fit.at(np.array([later]))
    [low], [high] = fit.interval(np.array([later]))
    when = record.axis.first + timedelta(days=round(later))
    return (
        f"It gained {fit.gain(fit.last):.2f} {unit} a day at the last weighing; {words.day(when)}:"
        f" {expected:.0f} {unit} expected, 95 % of weighings between {low:.0f} and {high:.0f}, if it goes on as it did."
    )


def size_plot(record: AnimalRecord) -> Plot | None:
    """Length and breadth of the body as calibrated cameras measured them."""
    empty = np.full(record.axis.n, np.nan)
    length = record.movement.get("body_length_m", empty) * 100
    width = record.movement.get("body_width_m", empty) * 100
    if np.isnan(length).all():
        return None
    days, x = record.axis.days, np.array(x_of(record.axis.days))
    shape: Floats = width / length
    with drawing(2.9, rows=2, legend=False) as (axes, made):
        for ax, values, label in ((axes[0], length, "length, cm"), (axes[1], shape, "breadth / length")):
            ax.plot(x, values, ".", color=LIGHT, markersize=4)
            ax.plot(x, middle(values), color=DARK, linewidth=1.8)
            ax.set_ylabel(label)
            level = float(np.nanmedian(values))
            low, high = np.nanmin(values), np.nanmax(values)
            ax.set_ylim(min(low, 0.95 * level), max(high, 1.05 * level))
        dress(axes, record.marks, record.axis.first, record.drawn_until)
    return Plot(
        "size",
        "Body size from above",
        "From calibrated masks. Breadth by length is a sign of condition that is comparable within one animal and one"
        " calibration; it is no condition score. Lines: median of seven days.",
        f"Two lines. Body length: {words.course(length, days, 'centimetres', 0)} Breadth by length:"
        f" {words.course(shape, days, '', 3)}",
        made[0],
        ("day", "length, cm", "breadth, cm"),
        [(d.isoformat(), words.cell(length[k], 1), words.cell(width[k], 1)) for k, d in enumerate(days)],
    )
