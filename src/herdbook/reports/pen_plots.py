"""The plots of one pen: who was there, what they did, how each animal differs, and how well they were watched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from herdbook.analytics.shares import median, middle
from herdbook.reports import words
from herdbook.reports.animal_plots import stacked
from herdbook.reports.figure import DARK, INK, LIGHT, MIDDLE, SOFT, Plot, drawing, dress, shape, x_of
from herdbook.reports.marks import LINES, SYMBOLS

if TYPE_CHECKING:
    from herdbook.reports.findings import Judged
    from herdbook.reports.pen_rows import PenRecord

MOST_ROWS = 60
"""Animals in the plot of all of them; the others are in the table only."""


def plots(record: PenRecord, judged: Sequence[Judged]) -> Iterator[Plot]:
    """All plots that the record has something for, in the order of the page."""
    lying = next((j for j in judged if j.measure.name == "lying_share"), None)
    if lying is not None:
        yield animals_plot(record, lying)
    if record.budget:
        of = "of all time in which the animals' behaviour was seen"
        yield stacked("What the pen did with its day", record.budget, record.axis, record.marks, of=of)
    for j in judged:
        yield spread_plot(record, j)
    yield occupancy_plot(record)
    yield watch_plot(record)


def animals_plot(record: PenRecord, judged: Judged) -> Plot:
    """One row per animal: by how much it lay more or less than was to be expected, day by day."""
    shown, m = slice(record.group.shown, None), judged.measure
    score = np.where(record.there, judged.deviation.both[:, shown], np.nan)
    rows = [k for k in range(len(score)) if record.there[k].any()][:MOST_ROWS]
    x, all_days = np.array(x_of(record.axis.days)), record.group.axis.days
    with drawing(0.75 + 0.24 * max(len(rows), 3)) as ([ax], made):
        for line, k in enumerate(rows):
            there = record.there[k]
            style: Any = {"step": "mid", "linewidth": 0}
            ax.fill_between(x, line - 0.04, line + 0.04, where=there.tolist(), color="#cfcfcf", zorder=1, **style)
            height = 0.42 * np.clip(score[k] / 5, -1, 1)
            ax.fill_between(x, line, line - np.nan_to_num(np.maximum(height, 0)), color=DARK, zorder=2, **style)
            ax.fill_between(x, line, line - np.nan_to_num(np.minimum(height, 0)), color=MIDDLE, zorder=2, **style)
            for e in judged.episodes[k]:
                span = slice(max(e.first - record.group.shown, 0), e.last - record.group.shown + 1)
                ax.plot(x[span], np.full(len(x[span]), line), "o", color=INK, fillstyle="none", markersize=7, zorder=4)
            mine = [f for f in record.marks.facts if f.animal_id == record.group.animals[k] and f.kind in LINES]
            for day, kind in {f.day: f.kind for f in reversed(mine) if f.kind in SYMBOLS}.items():
                shape(ax, kind, x_of([day])[0], line - 0.34, ax.transData)
        ax.set_yticks(range(len(rows)), [_short(record.group.animals[k]) for k in rows], fontsize=7.5)
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.grid(visible=False)
        dress([ax], record.marks, record.axis.first, record.axis.last)
    out = [record.group.animals[k] for k in rows if judged.episodes[k]]
    return Plot(
        "animals",
        f"{m.title}: every animal against itself and the others",
        f"Upward, dark: {m.more} than its own days before and its pen-mates make likely; downward, lighter: {m.less}."
        " A row's full height is five robust standard deviations. Rings: the days that stand out.",
        f"One row of bars per animal, {words.count(len(rows), 'animal')}."
        f" {'Rings at ' + words.listed(out) if out else 'No animal has days that stand out'}.",
        made[0],
        ("animal", "days here", "days that stand out", "greatest score"),
        [
            (
                record.group.animals[k],
                str(int(record.there[k].sum())),
                words.listed([words.days(all_days[e.first], all_days[e.last]) for e in judged.episodes[k]]) or "none",
                words.cell(_greatest(score[k]), 1),
            )
            for k in range(len(score))
            if record.there[k].any()
        ],
    )


def spread_plot(record: PenRecord, judged: Judged) -> Plot:
    """Median and middle half of the animals."""
    m, shown = judged.measure, slice(record.group.shown, None)
    values = np.where(record.there, judged.deviation.value[:, shown], np.nan) * m.scale
    middle_ = median(values.T, 2)
    known = ~np.isnan(middle_)
    low, high = (np.full(record.axis.n, np.nan) for _ in range(2))
    low[known], high[known] = np.nanquantile(values[:, known], (0.25, 0.75), axis=0)
    x, days = np.array(x_of(record.axis.days)), record.axis.days
    with drawing(2.0, legend=True) as ([ax], made):
        ax.fill_between(x, low, high, step="mid", color="#dfe9f2", linewidth=0, label="middle half of the animals")
        ax.plot(x, middle_, ".", color=LIGHT, markersize=4, label="median of the animals")
        ax.plot(x, middle(middle_), color=DARK, linewidth=1.8, label="median of seven days")
        ax.set_ylabel(m.unit + (" of seen time" if m.unit == "%" else ""))
        dress([ax], record.marks, record.axis.first, record.axis.last)
    return Plot(
        m.name,
        m.title,
        "Each animal counts alike, whatever part of the day it was seen.",
        f"{m.title} by day, median of the animals. {words.course(middle_, days, m.unit, m.digits)}",
        made[0],
        ("day", f"median, {m.unit}", "lower quartile", "upper quartile"),
        [(d.isoformat(), *(words.cell(v[k], m.digits + 1) for v in (middle_, low, high))) for k, d in enumerate(days)],
    )


def occupancy_plot(record: PenRecord) -> Plot:
    """Animals kept, and of how many something was seen."""
    kept, seen = record.days["animals"], record.days["animals_observed"]
    x, days = np.array(x_of(record.axis.days)), record.axis.days
    with drawing(1.8, legend=True) as ([ax], made):
        ax.fill_between(x, 0, np.nan_to_num(seen), step="mid", color="#7fb2d6", linewidth=0, label="seen")
        ax.step(x, kept, where="mid", color=INK, linewidth=1.3, label="kept there, by the roster")
        ax.set_ylim(0, max(float(np.nanmax([np.nanmax(kept), np.nanmax(seen), 1])) * 1.15, 1))
        ax.set_ylabel("animals")
        dress([ax], record.marks, record.axis.first, record.axis.last)
    return Plot(
        "occupancy",
        "Animals in the pen",
        "By the roster, and of how many the cameras saw something that day.",
        f"Steps of the number of animals kept. {words.course(kept, days, 'animals', 0)}",
        made[0],
        ("day", "kept", "seen"),
        [(d.isoformat(), words.cell(kept[k], 0), words.cell(seen[k], 0)) for k, d in enumerate(days)],
    )


def watch_plot(record: PenRecord) -> Plot:
    """How long the pen was watched and how much of its animals' time was recognised."""
    on = record.days["camera_on_s"] / 3600
    with np.errstate(invalid="ignore", divide="ignore"):
        named = record.days["identified_s"] / record.days["animal_camera_on_s"] * 100
    x, days = np.array(x_of(record.axis.days)), record.axis.days
    with drawing(1.8, legend=True) as ([ax], made):
        ax.fill_between(x, 0, np.nan_to_num(on), step="mid", color="#cfcfcf", linewidth=0, label="camera on, hours")
        ax.plot(
            x,
            named * 0.24,
            color=DARK,
            linestyle=(0, (4, 2)),
            linewidth=1.3,
            label="time recognised (24: all of it)",
        )
        ax.set_ylim(0, 25.5)
        ax.set_yticks([0, 6, 12, 18, 24])
        ax.set_ylabel("hours", color=SOFT)
        dress([ax], record.marks, record.axis.first, record.axis.last)
    return Plot(
        "watch",
        "How well it was watched",
        "What was not watched is blank above, never zero. The dashed line is the share of its animals' time on camera"
        " in which it is known who they are.",
        f"Area of hours with a camera on. {words.course(on, days, 'hours', 1)} Recognised:"
        f" {words.course(named, days, 'per cent', 0)}",
        made[0],
        ("day", "camera on, h", "recognised, %"),
        [(d.isoformat(), words.cell(on[k], 1), words.cell(named[k], 0)) for k, d in enumerate(days)],
    )


def _greatest(score: np.ndarray) -> float:
    return float("nan") if np.isnan(score).all() else float(score[np.nanargmax(np.abs(score))])


def _short(animal: str) -> str:
    return animal if len(animal) <= 9 else f"…{animal[-8:]}"
