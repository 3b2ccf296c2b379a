"""Lying bouts and visits of one animal: how often, and how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from herdbook.analytics.shares import middle
from herdbook.analytics.spells import SpellDays, spell_days
from herdbook.reports import words
from herdbook.reports.figure import DARK, LIGHT, MIDDLE, Plot, drawing, dress, x_of

if TYPE_CHECKING:
    from herdbook.analytics.shares import Floats
    from herdbook.reports.animal_rows import AnimalRecord


def bouts_plot(record: AnimalRecord) -> Plot | None:
    """How often the animal lay down, and for how long."""
    found = spell_days(record.bouts, _observed(record))
    if np.isnan(found.median_s).all():
        return None
    days, x = record.axis.days, np.array(x_of(record.axis.days))
    with drawing(2.9, rows=2) as (axes, made):
        per_day, minutes = found.per_hour * 24, found.median_s / 60
        for ax, values, label in ((axes[0], per_day, "bouts in 24 h seen"), (axes[1], minutes, "median, min")):
            ax.plot(x, values, ".", color=LIGHT, markersize=4)
            ax.plot(x, middle(values), color=DARK, linewidth=1.8)
            ax.set_ylim(bottom=0)
            ax.set_ylabel(label)
        dress(axes, record.marks, record.axis.first, record.drawn_until)
    censored = float(np.nanmean(found.censored))
    return Plot(
        "bouts",
        "Lying bouts",
        "Above: how often it lay down, per 24 observed hours. Below: how long it stayed, median. Bouts whose end the"
        f" camera missed ({words.share(censored)}) count as at least so long (product-limit estimate).",
        f"Two lines. Lying bouts in 24 observed hours: {words.course(per_day, days, 'bouts', 1)} Median duration:"
        f" {words.course(minutes, days, 'minutes', 0)}",
        made[0],
        ("day", "bouts begun", "in 24 h seen", "median, min", "mean, min", "end not seen, %"),
        _spell_rows(record, found),
    )


def visits_plot(record: AnimalRecord) -> Plot | None:
    """How often the animal went to feeder and drinker."""
    found = {name: spell_days(spells, _observed(record)) for name, spells in record.visits.items() if len(spells.day)}
    if not found:
        return None
    days, x = record.axis.days, np.array(x_of(record.axis.days))
    with drawing(2.0, legend=True) as ([ax], made):
        for (name, visits), (colour, dash, mark) in zip(
            found.items(), ((DARK, "-", "."), (MIDDLE, (0, (4, 2)), "+")), strict=False
        ):
            values = visits.per_hour * 24
            ax.plot(x, values, mark, color=colour, markersize=3.5, alpha=0.6)
            ax.plot(x, middle(values), color=colour, linestyle=dash, linewidth=1.8, label=name)
        ax.set_ylim(bottom=0)
        ax.set_ylabel("visits in 24 h seen")
        dress([ax], record.marks, record.axis.first, record.drawn_until)
    said = [f"{n}: {words.course(v.per_hour * 24, days, 'visits', 1)}" for n, v in found.items()]
    columns = [part for n in found for part in (f"{n}, visits in 24 h seen", f"{n}, median minutes")]
    return Plot(
        "visits",
        "Visits to feeder and drinker",
        "Visits begun per 24 observed hours; pauses of up to a minute belong to a visit. Lines: median of seven days.",
        f"Lines of visits in 24 observed hours. {' '.join(words.sentence(s) for s in said)}",
        made[0],
        ("day", *columns),
        [
            (
                d.isoformat(),
                *(words.cell(value, 1) for v in found.values() for value in (v.per_hour[k] * 24, v.median_s[k] / 60)),
            )
            for k, d in enumerate(days)
        ],
    )


def _observed(record: AnimalRecord) -> Floats:
    return record.group.columns["behaviour_s"][0, record.group.shown :]


def _spell_rows(record: AnimalRecord, found: SpellDays) -> list[tuple[str, ...]]:
    return [
        (
            d.isoformat(),
            words.cell(found.count[k], 0),
            words.cell(found.per_hour[k] * 24, 1),
            words.cell(found.median_s[k] / 60, 1),
            words.cell(found.mean_s[k] / 60, 1),
            words.cell(found.censored[k] * 100, 0),
        )
        for k, d in enumerate(record.axis.days)
    ]
