"""How every plot of a report looks: one time axis, the same marks, told apart without colour; SVG within the page.

Colours are of Okabe and Ito's palette for all kinds of colour vision, ordered by lightness; lines differ in dash, areas
in hatch, labels in shape.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from herdbook.errors import MissingDependencyError
from herdbook.reports.marks import LINES, SYMBOLS, Marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Transform

WIDTH_IN = 9.6
LEFT, RIGHT = 0.075, 0.985
INK, SOFT, FAINT = "#1b1b1b", "#5b5b5b", "#c9c9c9"
DARK, MIDDLE, LIGHT = "#0b4f7d", "#c1560a", "#56a0d3"
STYLE: Any = {
    "svg.fonttype": "path",
    "svg.hashsalt": "herdbook",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#ececec",
    "grid.linewidth": 0.7,
    "hatch.linewidth": 0.5,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "path.simplify": True,
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Plot:
    """One plot with what stands for it where it is not seen."""

    name: str
    """Its anchor on the page."""
    title: str
    caption: str
    alt: str
    image: str
    """A ``data:`` address of an SVG."""
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(repr=False)
    """The same as a table; the first column is each row's heading."""


def require_libraries() -> None:
    """Raise unless what draws is installed.

    Raises:
        MissingDependencyError: it is not.
    """
    absent = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
    if absent:
        raise MissingDependencyError(
            f"reports need {' and '.join(absent)}", "Install the extra: pip install 'herdbook[reports]'."
        )


@contextmanager
def drawing(height_in: float, rows: int = 1, *, legend: bool = False) -> Iterator[tuple[Sequence[Axes], list[str]]]:
    """A figure's axes, one below the other, and a list to which its SVG's address is added when all is drawn.

    Args:
        height_in: of the whole figure.
        rows: axes.
        legend: whether what is labelled is explained below the axes.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, height_in))
        FigureCanvasSVG(figure)
        axes = list(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])
        bottom, top = (0.5 if legend else 0.26) / height_in, 1 - 0.22 / height_in
        figure.subplots_adjust(left=LEFT, right=RIGHT, bottom=bottom, top=top, hspace=0.28)
        made: list[str] = []
        yield axes, made
        if legend:
            shown = {
                label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
            }
            place: Any = {"loc": "lower left", "bbox_to_anchor": (LEFT - 0.012, 0.0), "ncols": 9, "columnspacing": 1.2}
            figure.legend(shown.values(), shown.keys(), borderaxespad=0.1, handlelength=2.2, **place)
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    made.append("data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode("ascii"))


def dress(axes: Sequence[Axes], marks: Marks, first: date, last: date) -> None:
    """Give axes the report's time axis and marks: changes of model, gaps, what the farm wrote down.

    Args:
        axes: one below the other.
        marks: in farm-local time.
        first: first day.
        last: last day, included.
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    start, stop = noon(first) - timedelta(hours=12), noon(last) + timedelta(hours=12)
    for number, ax in enumerate(axes):
        ax.set_xlim(_x(start), _x(stop))
        locator: Any = AutoDateLocator(minticks=5, maxticks=12)  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
        ax.grid(visible=False, axis="x")
        _draw_gaps(ax, marks)
        for change in marks.changes:
            ax.axvline(_x(change.at), color=INK, linewidth=1.1, linestyle=(0, (6, 2)), zorder=5)
            if number == 0:
                near = _x(change.at) > _x(stop) - 0.2 * (_x(stop) - _x(start))
                text = f"◂ model {change.after}" if near else f"model {change.after} ▸"
                where: Any = {"xycoords": ax.get_xaxis_transform(), "textcoords": "offset points"}
                ha: Any = "right" if near else "left"
                ax.annotate(text, (_x(change.at), 1), (0, 5.5), fontsize=7.5, color=INK, ha=ha, va="bottom", **where)
        _draw_facts(ax, marks, shapes=number == 0)


def _draw_gaps(ax: Axes, marks: Marks) -> None:
    """Hatched from top to bottom, and a dark bar at the foot, by which short ones are seen, too."""
    for gap in marks.gaps:
        span = _x(gap.start), _x(gap.end)
        ax.axvspan(*span, facecolor="#f1f1f1", edgecolor="#8a8a8a", hatch="//////", linewidth=0, zorder=0.4)
        ax.axvspan(*span, ymax=0.035, facecolor=INK, edgecolor=INK, linewidth=0.5, zorder=5)


def _draw_facts(ax: Axes, marks: Marks, *, shapes: bool) -> None:
    """Lines through the plot for what marks a day, and each kind's shape along the top; of one day, side by side."""
    from matplotlib.transforms import ScaledTranslation

    drawn: dict[date, list[str]] = {}
    for fact in marks.facts:
        mine = drawn.setdefault(fact.day, [])
        if fact.kind not in SYMBOLS or fact.kind in mine:
            continue
        event = fact.kind in LINES
        if event:
            ax.axvline(_x(fact.at), color=SOFT, linewidth=0.9, linestyle=(0, (1, 2)), zorder=2.6)
        if shapes and ax.figure is not None:
            aside = ScaledTranslation(len(mine) * 6.5 / 72, 0, ax.figure.dpi_scale_trans)
            shape(ax, fact.kind, _x(fact.at), 1.0, ax.get_xaxis_transform() + aside)
        mine.append(fact.kind)


def shape(ax: Axes, kind: str, x: float, y: float, transform: Transform) -> None:
    """The mark of a kind of label; filled if it is an event, hollow if it is a score."""
    style: Any = {"markersize": 5.5, "markeredgecolor": INK, "markeredgewidth": 0.8, "clip_on": False, "zorder": 6}
    ax.plot([x], [y], marker=SYMBOLS[kind], transform=transform, mfc=INK if kind in LINES else "white", **style)


def noon(day: date) -> datetime:
    """Where a day's value is drawn."""
    return datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001 - the farm's clock


def x_of(days: Sequence[date]) -> list[float]:
    """Where the values of days are drawn."""
    return [_x(noon(day)) for day in days]


def _x(moment: datetime) -> float:
    from matplotlib.dates import date2num

    return float(date2num(moment))  # type: ignore[no-untyped-call]
