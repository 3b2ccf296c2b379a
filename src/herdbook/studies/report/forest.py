"""A forest plot: ratios with their intervals, on a logarithmic axis about 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from herdbook.studies.report.svg import FAINT, PALE, Drawing, across, folded, ratio_ticks, scale

_ROW, _LEFT, _PLOT, _RIGHT, _TOP = 34, 290, 300, 190, 46
_WIDEST = 100.0
"""An interval that reaches further is drawn with an arrow."""


@dataclass(frozen=True)
class Ratio:
    """A row: a ratio with its interval, or why there is none."""

    name: str
    ratio: float | None
    low: float | None
    high: float | None
    main: bool = False
    """Drawn filled; others hollow."""
    problem: str | None = None

    @property
    def said(self) -> str:
        """In figures."""
        if self.ratio is None or self.low is None or self.high is None:
            return "no estimate"
        return f"{self.ratio:.2f} ({self.low:.2f} to {self.high:.2f})"


def forest(title: str, ratios: Sequence[Ratio], less: str, more: str) -> str:
    """The plot.

    Args:
        title: of the picture.
        ratios: from top to bottom.
        less: what a ratio below 1 means, in a few words.
        more: what one above 1 means.
    """
    height = _TOP + _ROW * len(ratios) + 62
    told = "; ".join(f"{r.name}: {r.said}" for r in ratios)
    drawing = Drawing(_LEFT + _PLOT + _RIGHT, height, title, f"Ratios with intervals. {told}.")
    known = [v for r in ratios for v in (r.low, r.high) if v is not None and v > 0]
    low = max(1 / _WIDEST, min([0.8, *(v / 1.1 for v in known)]))
    high = min(_WIDEST, max([1.25, *(v * 1.1 for v in known)]))
    x = scale(low, high, _LEFT, _LEFT + _PLOT, log=True)
    bottom = height - 50
    drawing.text(12, 26, title, size=15, bold=True)
    across(drawing, [(x(t), f"{t:g}") for t in ratio_ticks(low, high)], _TOP, bottom)
    drawing.line(x(1), _TOP, x(1), bottom, ink=FAINT, dash="5 3", w=1.5)
    for k, row in enumerate(ratios):
        _row(drawing, row, _TOP + _ROW * (k + 0.5), (low, high))
    drawing.text(x(1) - 8, bottom + 38, f"← {less}", at="end", size=12)
    drawing.text(x(1) + 8, bottom + 38, f"{more} →", size=12)
    return drawing.render()


def _row(drawing: Drawing, row: Ratio, y: float, ends: tuple[float, float]) -> None:
    x = scale(*ends, _LEFT, _LEFT + _PLOT, log=True)
    lines = folded(row.name, 40)[:2]
    for k, line in enumerate(lines):
        drawing.text(12, y + 4 + (k - (len(lines) - 1) / 2) * 14, line, bold=row.main)
    drawing.text(_LEFT + _PLOT + 14, y + 4, row.said, bold=row.main, ink="#1a1a1a" if row.ratio else FAINT)
    if row.ratio is None or row.low is None or row.high is None:
        drawing.line(_LEFT, y, _LEFT + _PLOT, y, ink=PALE, dash="2 4")
        return
    low, high = max(row.low, ends[0]), min(row.high, ends[1])
    drawing.line(x(low), y, x(high), y, w=2)
    for value, end in ((row.low, low), (row.high, high)):
        if value == end:
            drawing.line(x(end), y - 5, x(end), y + 5, w=2)
        else:
            toward = 1 if end == high else -1
            drawing.path([(x(end) - 7 * toward, y - 5), (x(end), y), (x(end) - 7 * toward, y + 5)], w=2)
    drawing.dot(x(min(max(row.ratio, ends[0]), ends[1])), y, 5.5, hollow=not row.main)
