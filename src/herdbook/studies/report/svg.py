"""A drawing as SVG text: lines, boxes, words, axes. What groups are is told by form and dash, never by colour alone.

Coordinates are pixels from the top left, written with one decimal: the same input gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

INK, FAINT, PALE = "#1a1a1a", "#767676", "#d9d9d9"
"""Black, a grey that is readable on white (4.5 to 1), and a grey for areas and grids."""
DASHES = ("", "7 4", "2 3", "9 3 2 3", "1 5")
"""Solid first; each further series has another."""
_FONT = "font-family:system-ui,'Segoe UI',Helvetica,Arial,sans-serif"


@dataclass
class Drawing:
    """A picture with a title and a description for those who do not see it."""

    width: float
    height: float
    title: str
    description: str
    parts: list[str] = field(default_factory=list)

    def line(self, x1: float, y1: float, x2: float, y2: float, *, dash: str = "", ink: str = INK, w: float = 1) -> None:
        """A straight line."""
        self.path([(x1, y1), (x2, y2)], dash=dash, ink=ink, w=w)

    def path(self, points: Sequence[tuple[float, float]], *, dash: str = "", ink: str = INK, w: float = 1) -> None:
        """A line through points."""
        place = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<polyline points="{place}" fill="none" stroke="{ink}" stroke-width="{w:g}"{dashed}/>')

    def area(self, points: Sequence[tuple[float, float]]) -> None:
        """A pale area, without an edge."""
        place = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polygon points="{place}" fill="{PALE}" fill-opacity="0.6"/>')

    def box(self, x: float, y: float, width: float, height: float, *, fill: str = "none", ink: str = INK) -> None:
        """A rectangle."""
        place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        self.parts.append(f'<rect {place} fill="{fill}" stroke="{ink}"/>')

    def dot(self, x: float, y: float, r: float, *, hollow: bool = False) -> None:
        """A circle, filled or hollow."""
        fill = "#fff" if hollow else INK
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:g}" fill="{fill}" stroke="{INK}"/>')

    def text(
        self, x: float, y: float, said: str, *, at: str = "start", size: float = 13, bold: bool = False, ink: str = INK
    ) -> None:
        """Words on a line; ``at`` says whether x is their start, middle or end."""
        weight = ' font-weight="600"' if bold else ""
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{at}" font-size="{size:g}"'
        self.parts.append(f'<text {place} fill="{ink}"{weight}>{escape(said)}</text>')

    def render(self) -> str:
        """The picture as a whole SVG document, ending in a newline."""
        size = f'width="{self.width:g}" height="{self.height:g}" viewBox="0 0 {self.width:g} {self.height:g}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={quoteattr(self.title)}'
        words = f"<title>{escape(self.title)}</title><desc>{escape(self.description)}</desc>"
        ground = f'<rect width="{self.width:g}" height="{self.height:g}" fill="#fff"/>'
        return "\n".join([f'{head} style="{_FONT}">{words}', ground, *self.parts, "</svg>", ""])


def folded(said: str, width: int) -> list[str]:
    """Words in lines of at most so many characters; a longer word stands alone."""
    lines: list[str] = []
    for word in said.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from low to high, about so many."""
    span = high - low
    if span <= 0:
        return [low]
    step = 10 ** math.floor(math.log10(span / about))
    step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= about)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def ratio_ticks(low: float, high: float) -> list[float]:
    """Round ratios between two, few enough to be read."""
    every = [m * 10.0**k for k in range(-4, 5) for m in (1, 2, 5)]
    inside = [t for t in every if low <= t <= high]
    return inside if len(inside) <= 9 else [t for t in inside if f"{t:e}"[0] == "1"]


def scale(low: float, high: float, start: float, end: float, *, log: bool = False) -> Callable[[float], float]:
    """Where values of an axis lie."""
    bend: Callable[[float], float] = math.log if log else float
    a, b = bend(low), bend(high)
    b = b if b > a else a + 1
    return lambda value: start + (bend(value) - a) / (b - a) * (end - start)


def across(drawing: Drawing, places: Iterable[tuple[float, str]], top: float, bottom: float) -> None:
    """An axis along the bottom with faint lines up to the top."""
    for x, said in places:
        drawing.line(x, top, x, bottom, ink=PALE)
        drawing.text(x, bottom + 17, said, at="middle", size=12)
