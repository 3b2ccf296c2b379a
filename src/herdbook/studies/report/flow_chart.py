"""The flow chart: from labels to what is compared, with what was left out at the side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from herdbook.studies.report.svg import FAINT, Drawing, folded

_WIDTH, _BOX, _SIDE, _GAP, _LINE = 780, 330, 360, 30, 17
_OUT = "left out: "


def flow_chart(rows: Sequence[dict[str, Any]]) -> str:
    """The chart.

    Args:
        rows: of ``flow.csv``: ``what``, ``labels``, ``cases``, ``controls``.
    """
    steps = _steps(rows)
    told = "; ".join(f"{row['what']}: {numbers(row)}" for row in rows)
    boxes = [(folded(str(step["what"]), 42), numbers(step), [_aside(row) for row in out]) for step, out in steps]
    heights = [
        max((len(words) + 1) * _LINE + 16, sum(len(aside) for aside in out) * _LINE + 16 if out else 0)
        for words, _, out in boxes
    ]
    height = 50 + sum(heights) + _GAP * (len(boxes) - 1) + 12
    drawing = Drawing(_WIDTH, height, "Flow chart", f"From labels to what is compared. {told}.")
    drawing.text(12, 26, "Who is in, and who is left out", size=15, bold=True)
    y = 42.0
    for k, ((words, figures, out), tall) in enumerate(zip(boxes, heights, strict=True)):
        _box(drawing, 12, y, (_BOX, tall), [*words, figures])
        if out:
            _box(drawing, 12 + _BOX + 50, y, (_SIDE, tall), [line for aside in out for line in aside], faint=True)
            _arrow(drawing, [(12 + _BOX, y + tall / 2), (12 + _BOX + 50, y + tall / 2)])
        if k + 1 < len(boxes):
            _arrow(drawing, [(12 + _BOX / 2, y + tall), (12 + _BOX / 2, y + tall + _GAP)])
        y += tall + _GAP
    return drawing.render()


def numbers(row: dict[str, Any]) -> str:
    """A row's figures in words."""
    named = [(row["labels"], "labels"), (row["cases"], "cases"), (row["controls"], "others")]
    return ", ".join(f"{value:,} {name}" for value, name in named if value is not None)


def _steps(rows: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each step with what is left out after it."""
    steps: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for row in rows:
        if str(row["what"]).startswith(_OUT) and steps:
            steps[-1][1].append(row)
        else:
            steps.append((row, []))
    return steps


def _aside(row: dict[str, Any]) -> list[str]:
    return folded(f"{str(row['what']).removeprefix(_OUT)}: {numbers(row)}", 50)


def _box(
    drawing: Drawing, x: float, y: float, size: tuple[float, float], lines: list[str], *, faint: bool = False
) -> None:
    width, height = size
    drawing.box(x, y, width, height, ink=FAINT if faint else "#1a1a1a")
    first = y + (height - len(lines) * _LINE) / 2 + 13
    for k, line in enumerate(lines):
        drawing.text(x + 12, first + k * _LINE, line, bold=not faint and k == len(lines) - 1)


def _arrow(drawing: Drawing, points: list[tuple[float, float]]) -> None:
    (x1, y1), (x2, y2) = points
    drawing.line(x1, y1, x2, y2)
    head = (
        [(x2 - 7, y2 - 4), (x2, y2), (x2 - 7, y2 + 4)] if y1 == y2 else [(x2 - 4, y2 - 7), (x2, y2), (x2 + 4, y2 - 7)]
    )
    drawing.path(head)
