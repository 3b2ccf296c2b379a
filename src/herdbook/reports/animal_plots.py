"""The plots of one animal, one below the other on one time axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from herdbook.analytics.shares import budget, middle
from herdbook.reports import words
from herdbook.reports.figure import DARK, INK, LIGHT, MIDDLE, SOFT, Plot, drawing, dress, x_of
from herdbook.reports.findings import Judged
from herdbook.reports.growth_plots import size_plot, weight_plot
from herdbook.reports.spell_plots import bouts_plot, visits_plot

if TYPE_CHECKING:
    from datetime import date

    from matplotlib.axes import Axes

    from herdbook.analytics.shares import Floats
    from herdbook.reports.animal_rows import AnimalRecord
    from herdbook.reports.marks import Marks
    from herdbook.reports.source import Axis

AREAS = (
    ("#0b3c5d", ""), ("#7fb2d6", "...."), ("#e9d8a6", "xxxx"), ("#f4f1de", ""), ("#c9b458", "////"),
    ("#d1772a", "\\\\\\\\"), ("#4d8b4a", "||||"), ("#b6d7a8", "----"), ("#9a5f9a", "++++"), ("#dddddd", "oo"),
)  # fmt: skip
"""Fill and hatch of areas that lie on each other."""


def budget_plot(record: AnimalRecord) -> Plot | None:
    """Shares of observed time of every behaviour."""
    names = list(record.budget)
    shares = {name: budget({name: record.budget[name]}, record.observed[name])[name] for name in names}
    known = ~np.isnan(np.stack(list(shares.values()))).all(axis=0) if shares else np.zeros(record.axis.n, bool)
    if not known.any():
        return None
    of = "of the time in which its behaviour was seen"
    title = "What it did with its day"
    return stacked(title, shares, record.axis, record.marks, of=of, until=record.drawn_until)


def stacked(
    title: str, shares: Mapping[str, Floats], axis: Axis, marks: Marks, *, of: str, until: date | None = None
) -> Plot:
    """Areas that lie on each other: shares by behaviour, ``[n]`` each."""
    begin = x_of([axis.first])[0] - 0.5
    edges = begin + np.arange(axis.n + 1)
    with drawing(2.7, legend=True) as ([ax], made):
        below = np.zeros(axis.n)
        known = ~np.isnan(np.stack(list(shares.values()))).all(axis=0)
        for (behaviour, values), (colour, hatch) in zip(shares.items(), AREAS * 3, strict=False):
            above = below + np.nan_to_num(values)
            low, high = (np.where(known, v * 100, np.nan) for v in (below, above))
            ax.fill_between(
                edges, np.append(low, low[-1]), np.append(high, high[-1]), step="post", facecolor=colour,
                hatch=hatch, edgecolor=(1, 1, 1, 0.75), linewidth=0, label=behaviour,
            )  # fmt: skip
            below = above
        ax.set_ylim(0, 100)
        ax.set_ylabel("% of seen time")
        dress([ax], marks, axis.first, until or axis.last)
    means = [f"{behaviour} {words.share(float(np.nanmean(v)))}" for behaviour, v in shares.items()]
    days = axis.days
    return Plot(
        "budget",
        title,
        f"Shares {of}, by day. Blank: fewer than four hours were seen.",
        f"Stacked areas of shares by day, {words.days(days[0], days[-1])}. On average: {words.listed(means)}.",
        made[0],
        ("day", *(f"{behaviour}, %" for behaviour in shares)),
        [(d.isoformat(), *(words.cell(v[k] * 100, 1) for v in shares.values())) for k, d in enumerate(days)],
    )


def measure_plot(record: AnimalRecord, judged: Judged) -> Plot:
    """One measure against what was to be expected, with the days on which the animal stands out."""
    m, group = judged.measure, record.group
    shown = slice(group.shown, None)
    of = judged.deviation
    own, centre, low, high = (part[0, shown] * m.scale for part in (of.value, of.expected, of.low, of.high))
    mates = (np.sqrt(of.value) - of.relative)[0, shown] ** 2 * m.scale
    days, x = record.axis.days, np.array(x_of(record.axis.days))
    with drawing(2.25, legend=True) as ([ax], made):
        ax.fill_between(x, low, high, step="mid", color="#dfe9f2", linewidth=0, label="expected of itself", zorder=0.6)
        ax.plot(x, mates, color=MIDDLE, linewidth=1.1, linestyle=(0, (4, 2)), label="median of pen-mates", zorder=2)
        ax.plot(x, own, ".", color=LIGHT, markersize=4, label="each day", zorder=3)
        ax.plot(x, middle(own), color=DARK, linewidth=1.8, label="median of seven days", zorder=4)
        for n, e in enumerate(judged.episodes[0]):
            part = slice(max(e.first - group.shown, 0), e.last - group.shown + 1)
            ax.plot(
                x[part], own[part], "o", color=INK, markersize=5.5, fillstyle="none", markeredgewidth=1.2, zorder=5,
                label="stands out" if n == 0 else None,
            )  # fmt: skip
        _limits(ax, own, mates)
        ax.set_ylabel(m.unit + (" of seen time" if m.unit == "%" else ""))
        dress([ax], record.marks, record.axis.first, record.drawn_until)
    stands = [words.days(group.axis.days[e.first], group.axis.days[e.last]) for e in judged.episodes[0]]
    said = f"It stands out {words.listed(stands)}." if stands else "It does not stand out on any run of days."
    return Plot(
        m.name,
        m.title,
        "Band: what its own 28 days before make likely, within three robust standard deviations; it begins anew after"
        " a change of model or pen. Rings: beyond the band, and unlike the pen-mates too.",
        f"{m.title} by day. {words.course(own, days, m.unit, m.digits)} {said}",
        made[0],
        ("day", f"{m.title.lower()}, {m.unit}", "expected of itself", "median of pen-mates"),
        [
            (d.isoformat(), *(words.cell(series[k], m.digits + 1) for series in (own, centre, mates)))
            for k, d in enumerate(days)
        ],
    )


def gait_plot(record: AnimalRecord) -> Plot | None:
    """How fast the animal walks when it walks."""
    speed = record.movement.get("moving_speed_m_s")
    if speed is None or np.isnan(speed).all():
        return None
    days, x = record.axis.days, np.array(x_of(record.axis.days))
    with drawing(1.8) as ([ax], made):
        ax.plot(x, speed, ".", color=LIGHT, markersize=4)
        ax.plot(x, middle(speed), color=DARK, linewidth=1.8)
        _limits(ax, speed)
        ax.set_ylabel("m/s")
        dress([ax], record.marks, record.axis.first, record.drawn_until)
    return Plot(
        "gait",
        "Gait speed",
        "95th percentile of the speed in each hour, weighted by the metres moved. Line: median of seven days.",
        f"Line of the gait speed by day. {words.course(speed, days, 'metres per second', 2)}",
        made[0],
        ("day", "m/s"),
        [(d.isoformat(), words.cell(speed[k], 3)) for k, d in enumerate(days)],
    )


def watch_plot(record: AnimalRecord) -> Plot:
    """How long the pen was watched and the animal recognised."""
    group = record.group
    on, seen = (group.columns[name][0, group.shown :] / 3600 for name in ("camera_on_s", "behaviour_s"))
    days, x = record.axis.days, np.array(x_of(record.axis.days))
    with drawing(1.9, legend=True) as ([ax], made):
        ax.step(x, np.nan_to_num(on), where="mid", color=SOFT, linewidth=1.0, label="camera on")
        ax.fill_between(
            x, 0, np.nan_to_num(seen), step="mid", color="#7fb2d6", linewidth=0, label="behaviour of this animal seen"
        )
        ax.plot(
            [], [], color=MIDDLE, linestyle=(0, (4, 2)), linewidth=1.2, label="confidence that it is this animal, %"
        )
        ax.set_ylim(0, 25.5)
        ax.set_yticks([0, 6, 12, 18, 24])
        ax.set_ylabel("hours")
        sure = ax.twinx()
        sure.plot(x, record.confidence * 100, color=MIDDLE, linestyle=(0, (4, 2)), linewidth=1.2)
        sure.set_ylim(0, 106)
        sure.set_axis_off()
        dress([ax], record.marks, record.axis.first, record.drawn_until)
    return Plot(
        "watch",
        "How well it was watched",
        "Every rate above has the observed time of its day as its denominator. Hatched: no camera of its pen was on.",
        f"Area of hours by day in which its behaviour was seen. {words.course(seen, days, 'hours', 1)} Confidence that"
        f" it is this animal: {words.course(record.confidence * 100, days, 'per cent', 0)}",
        made[0],
        ("day", "camera on, h", "behaviour seen, h", "confidence, %"),
        [
            (d.isoformat(), words.cell(on[k], 1), words.cell(seen[k], 1), words.cell(record.confidence[k] * 100, 0))
            for k, d in enumerate(days)
        ],
    )


def plots(record: AnimalRecord, judged: Sequence[Judged]) -> Iterator[Plot]:
    """All plots that the record has something for, in the order of the page."""
    first = budget_plot(record)
    found = [first, *(measure_plot(record, j) for j in judged)]
    found += [bouts_plot(record), visits_plot(record), gait_plot(record), weight_plot(record), size_plot(record)]
    yield from (plot for plot in [*found, watch_plot(record)] if plot is not None)


def _limits(ax: Axes, *series: Floats) -> None:
    """A little room around what there is; the band may reach beyond it."""
    known = np.concatenate([s[~np.isnan(s)] for s in series])
    if not len(known):
        return
    low, high = float(known.min()), float(known.max())
    room = max(0.08 * (high - low), 1e-9)
    ax.set_ylim(max(low - room, 0.0), high + 1.6 * room)
