"""Curves over time: cumulative incidence beside what competes, and how well windows were observed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from herdbook.studies.report.svg import DASHES, FAINT, Drawing, across, folded, scale, ticks

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 780, 360, 62, 205, 46, 310
Points = list[tuple[float, float]]


def incidence_curves(rows: Sequence[dict[str, Any]], time: str, outcome: str) -> str:
    """Step curves of ``incidence.csv``: the outcome with its interval, what competes, and groups by exposure."""
    curves: dict[tuple[str, str], Points] = {}
    for row in sorted(rows, key=lambda r: (r["animals"] != "all", r["cause"] != outcome, r["animals"], r["time"])):
        if row["animals"] == "all" or row["cause"] == outcome:  # groups are told apart by the outcome only
            name = row["cause"] if row["animals"] == "all" else f"{outcome}, {row['animals']}"
            curves.setdefault((row["animals"], name), []).append((row["time"], row["incidence"]))
    band = sorted((r for r in rows if _has_interval(r, outcome)), key=lambda r: float(r["time"]))
    first, last = min(r["time"] for r in rows), max(r["time"] for r in rows)
    most = max(v for v in (*(r["high"] for r in band), *(c[-1][1] for c in curves.values())))
    ended = "; ".join(f"{name}: {curve[-1][1]:.1%}" for (_, name), curve in curves.items())
    title = f"Cumulative incidence over {time}"
    drawing = Drawing(_WIDTH, _HEIGHT, title, f"Share of animals by the last time shown. {ended}.")
    x = scale(first, max(last, first + 1), _LEFT, _WIDTH - _RIGHT)
    y = scale(0, most * 1.05, _BOTTOM, _TOP)
    _frame(drawing, title, [(x(t), f"{t:g}") for t in ticks(first, last)], [(y(t), f"{t:.0%}") for t in ticks(0, most)])
    drawing.text((_LEFT + _WIDTH - _RIGHT) / 2, _BOTTOM + 36, time, at="middle", size=12)
    if len(band) > 1:
        ends = [_stepped([(r["time"], r[end]) for r in band], last) for end in ("high", "low")]
        drawing.area([(x(a), y(b)) for a, b in [*ends[0], *reversed(ends[1])]])
    names = []
    for k, ((_, name), curve) in enumerate(curves.items()):
        dash = DASHES[k % len(DASHES)]
        steps = _stepped([(first, 0.0), *curve], last)
        drawing.path([(x(a), y(b)) for a, b in steps], dash=dash, w=1.6 if k else 2.4)
        names.append((y(curve[-1][1]), name, dash))
    _legend(drawing, names)
    return drawing.render()


def coverage_curves(rows: Sequence[dict[str, Any]], releases: Sequence[dict[str, Any]]) -> str:
    """Observed hours per day of windows, of cases and of the others, by week; changes of model marked."""
    weeks = sorted({row["week"] for row in rows})
    of = {
        role: [(row["week"], row["mean_hours"]) for row in rows if row["role"] == role] for role in ("case", "control")
    }
    means = {role: sum(h for _, h in points) / len(points) for role, points in of.items() if points}
    changes = [(row["first_day"], row["release_id"]) for row in releases[1:]]
    told = "; ".join(f"{role}s {mean:.1f} hours a day on the mean of weeks" for role, mean in means.items())
    told += "".join(f"; {name} from {day}" for day, name in changes)
    title = "How long windows were observed, hours a day"
    drawing = Drawing(_WIDTH, _HEIGHT, title, f"By week. {told}.")
    first, last = (weeks[0], weeks[-1]) if weeks else (date(2000, 1, 1), date(2000, 1, 2))
    x = scale(first.toordinal(), last.toordinal(), _LEFT, _WIDTH - _RIGHT)
    y = scale(0, 24, _BOTTOM, _TOP)
    shown = weeks[:: max(1, len(weeks) // 6)]
    _frame(
        drawing,
        title,
        [(x(w.toordinal()), f"{w:%d %b %y}") for w in shown],
        [(y(t), f"{t:g}") for t in (0, 6, 12, 18, 24)],
    )
    for day, name in changes:
        at = min(max(x(day.toordinal()), _LEFT), _WIDTH - _RIGHT)
        drawing.line(at, _TOP - 4, at, _BOTTOM, ink=FAINT, dash="3 3", w=1.5)
        drawing.text(at + 4, _TOP + 8, f"model {name}", size=11, ink=FAINT)
    names = []
    for role, points in of.items():
        if not points:
            continue
        dash = DASHES[0] if role == "case" else DASHES[1]
        drawing.path([(x(week.toordinal()), y(hours)) for week, hours in points], dash=dash, w=2)
        for week, hours in points:
            drawing.dot(x(week.toordinal()), y(hours), 3, hollow=role == "control")
        names.append((y(points[-1][1]), "cases" if role == "case" else "others", dash))
    _legend(drawing, names)
    return drawing.render()


def _has_interval(row: dict[str, Any], outcome: str) -> bool:
    main = row["animals"] == "all" and row["cause"] == outcome
    return bool(main and row["low"] is not None and row["high"] is not None)


def _stepped(points: Points, last: float) -> Points:
    """A step function's corners, up to the last time."""
    corners: Points = []
    for k, (time, value) in enumerate(points):
        if k:
            corners.append((time, points[k - 1][1]))
        corners.append((time, value))
    return [*corners, (last, points[-1][1])]


def _frame(drawing: Drawing, title: str, along: list[tuple[float, str]], up: list[tuple[float, str]]) -> None:
    drawing.text(12, 26, title, size=15, bold=True)
    across(drawing, along, _TOP, _BOTTOM)
    for y, said in up:
        drawing.text(_LEFT - 8, y + 4, said, at="end", size=12)
    drawing.line(_LEFT, _BOTTOM, _WIDTH - _RIGHT, _BOTTOM)
    drawing.line(_LEFT, _TOP, _LEFT, _BOTTOM)


def _legend(drawing: Drawing, names: list[tuple[float, str, str]]) -> None:
    """What each line is, beside its end; moved apart where ends are close."""
    below = -99.0
    for y, name, dash in sorted(names):
        lines = folded(name, 24)
        at = max(y, below + 18)
        drawing.line(_WIDTH - _RIGHT + 8, at, _WIDTH - _RIGHT + 36, at, dash=dash, w=2)
        for k, line in enumerate(lines):
            drawing.text(_WIDTH - _RIGHT + 42, at + 4 + 14 * k, line, size=12)
        below = at + 14 * (len(lines) - 1)
