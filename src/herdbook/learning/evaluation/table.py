"""Reports for people: Markdown, which a terminal shows well enough too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from herdbook.learning.evaluation.compare import Estimate, Estimates
from herdbook.learning.evaluation.figures import FIGURES, f1_by_class
from herdbook.learning.evaluation.report import Comparison, Footprint, Report, compare

Row = Mapping[str, str | None]

SHOWN = ("mota", "idf1", "hota", "idf1_long", "behaviour_top1", "behaviour_macro_f1", "behaviour_ece", "reid_rank1")
"""Columns of slices; all figures stand in the table of the whole."""


def rows_of(found: Estimates) -> list[Row]:
    """One row per figure that has a value."""
    return [
        {
            "figure": name,
            "value": number(estimate.value),
            "95 % interval": interval(estimate),
            "": "less is better" if not FIGURES[name].more_is_better else None,
        }
        for name, estimate in found.figures.items()
        if estimate.value is not None
    ]


def slice_rows(slices: Sequence[Estimates], least: int = 0) -> list[Row]:
    """One row per slice; small ones are marked."""
    columns = [name for name in SHOWN if any(s.figures[name].value is not None for s in slices)]
    return [
        {
            "slice": f"{found.slice_by} {found.slice_is}",
            "sequences": _count(found, least),
            **{name: _short(found.figures[name]) for name in columns},
        }
        for found in slices
    ]


def beside(reports: Sequence[Report], names: Sequence[str]) -> list[Row]:
    """Engines side by side, one row each: figures with intervals, and what they cost."""
    columns = _columns(reports)
    return [
        {
            "engine": f"{report.engine.release.release_id} ({name})",
            "sequences": str(report.overall.sequences),
            **{column: _short(report.overall.figures[column]) for column in columns},
            "parameters": None if report.engine.parameters is None else f"{report.engine.parameters / 1e6:.2f} M",
            "cost": "; ".join(_cost(footprint) for footprint in report.engine.footprints) or None,
        }
        for report, name in zip(reports, names, strict=True)
    ]


def first_less_others(reports: Sequence[Report], names: Sequence[str]) -> list[Row]:
    """Rows that stand below those of `beside`: the first engine less each of the others, paired on their sequences.

    Raises:
        InputError: they were not judged on the same sequences, or by different protocols.
    """
    columns, rows = _columns(reports), []
    for other, name in zip(reports[1:], names[1:], strict=True):
        found = compare(reports[0], other, by=()).overall
        figures = {column: _short(found.figures[column]) for column in columns}
        rows.append({"engine": f"{names[0]} less {name}", "sequences": str(found.sequences), **figures})
    return [{**row, "parameters": None, "cost": None} for row in rows]


def side_by_side(reports: Sequence[Report], names: Sequence[str]) -> str:
    """Both tables as Markdown."""
    rows = [*beside(reports, names), *first_less_others(reports, names)]
    return f"# {', '.join(names)} on {reports[0].data}\n\n{_drawn(reports[0].overall)}\n\n{_table(rows)}\n"


def markdown(report: Report, comparison: Comparison | None = None) -> str:
    """The whole report as Markdown."""
    release = report.engine.release
    parts = [
        f"# {release.release_id} ({release.engine}) on {report.data}",
        f"{report.overall.sequences} sequences. {_drawn(report.overall)}",
        _table(rows_of(report.overall)),
    ]
    if comparison is not None:
        parts += ["## Difference to the champion", _drawn(comparison.overall), _table(rows_of(comparison.overall))]
    parts += ["## Behaviours", _table(_behaviours(report))]
    if report.slices:
        parts += ["## Slices", _table(slice_rows(report.slices))]
    if report.failures:
        parts += ["## Worst frames", _table([_failure_row(f.model_dump()) for f in report.failures])]
    return "\n\n".join(parts) + "\n"


def number(value: float | None) -> str | None:
    """Four decimals."""
    return None if value is None else f"{value:.4f}"


def interval(estimate: Estimate) -> str | None:
    """``low … high``."""
    return None if estimate.low is None else f"{number(estimate.low)} … {number(estimate.high)}"


def _columns(reports: Sequence[Report]) -> list[str]:
    return [name for name in SHOWN if any(r.overall.figures[name].value is not None for r in reports)]


def _drawn(found: Estimates) -> str:
    if found.level is None:
        return "No intervals: there is one sequence."
    if found.level == "farm":
        return f"Intervals: {found.units} farms drawn; they speak of other farms like these."
    return f"Intervals: {found.units} {found.level}s drawn within the farms given; they do not speak of other farms."


def _behaviours(report: Report) -> list[Row]:
    confusion = np.sum([tally["confusion"] for tally in report.tallies], axis=0)
    scores = f1_by_class(confusion)
    return [
        {"behaviour": name, "seconds": f"{row.sum():.0f}", "not seen": f"{row[-1]:.0f}", "F1": f"{score:.4f}"}
        for name, row, score in zip(report.protocol.classes, confusion, scores, strict=True)
        if row.sum()
    ]


def _failure_row(failure: dict[str, object]) -> Row:
    return {name: str(value) for name, value in failure.items()}


def _count(found: Estimates, least: int) -> str:
    return f"{found.sequences}" + (" (few)" if found.sequences < least else "")


def _short(estimate: Estimate) -> str | None:
    if estimate.value is None:
        return None
    ends = "" if estimate.low is None else f" ({estimate.low:.2f} … {estimate.high:.2f})"
    return f"{estimate.value:.3f}{ends}"


def _cost(footprint: Footprint) -> str:
    said = [
        None if footprint.size_bytes is None else f"{footprint.size_bytes / 1e6:.1f} MB",
        None if footprint.peak_memory_bytes is None else f"{footprint.peak_memory_bytes / 1e9:.2f} GB at most",
        None if footprint.latency_ms is None else f"{footprint.latency_ms:.1f} ms",
    ]
    return f"{footprint.sku}: " + ", ".join(text for text in said if text)


def _table(rows: Sequence[Row]) -> str:
    if not rows:
        return "None."
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([value or "" for value in row.values()] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
