"""One page that says what a study found: figures inside it, tables behind them, no network, no script."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import pyarrow as pa
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from herdbook.studies.definition import Study
from herdbook.studies.findings import reading
from herdbook.studies.read import write_study
from herdbook.studies.report.figures import Shown
from herdbook.studies.training import unstated

_DIGITS = 4
_MOST_ROWS = 200
"""Rows of a table on the page; longer ones are in their file."""


def page(shown: Shown, drawn: Mapping[str, str]) -> str:
    """The page, as HTML. Everything that comes from data or the definition is escaped.

    Args:
        shown: what there is to show.
        drawn: of `herdbook.studies.report.figures.figures`.
    """
    return _template().render(
        study=shown.study,
        answer=answer(shown),
        figures={name.removesuffix(".svg"): Markup(svg) for name, svg in drawn.items()},  # noqa: S704 - ours
        tables={
            "estimates": _table(shown.estimates),
            "flow": _table(shown.assembled.flow),
            "missing": _table(shown.assembled.missing),
            "sensitivity": _table(shown.variants),
            "coverage": _table(shown.assembled.coverage),
            "releases": _table(shown.assembled.seen_by),
            "incidence": _table(shown.incidence) if shown.incidence is not None else None,
        },
        window=_window(shown.study),
        definition=write_study(shown.study),
    )


def answer(shown: Shown) -> list[str]:
    """What was found of the primary exposure, in sentences, and how far it carries."""
    study, [row] = shown.study, shown.estimates.slice(0, 1).to_pylist()
    what = {"cohort": "hazard", "crossover": "odds", "nested-case-control": "rate"}[study.design.kind]
    more = f"{row['per']:g} more" if row["per"] != 1 else "one unit more"
    said = [
        f"With {more} of {row['exposure']}, the {what} of {study.outcome.name} was {row['ratio']:.2f} times as high"
        f" ({study.errors.level:.0%} interval {row['ratio_low']:.2f} to {row['ratio_high']:.2f}; p = {row['p']:.2g}):"
        f" {row['cases']} cases, {row['rows']} rows."
    ]
    if row["ratio_low"] <= 1 <= row["ratio_high"]:
        said.append("The interval holds 1: these data do not tell an association from none.")
    others = [v for v in shown.variants.to_pylist() if v["ratio"] is not None]
    moved = [v["variant"] for v in others if reading(v) != reading(row)]
    if others:
        said.append(
            f"It would read otherwise with: {'; '.join(moved)}."
            if moved
            else f"It reads the same in all {len(others)} ways of taking identity and labels less for granted."
        )
    if len(shown.assembled.seen_by) > 1:
        how = {"refuse": "no set compares two of them", "stratify": "compared within a release only"}
        done = how.get(study.model_change, "corrected by bridges, whose own error is not in the interval")
        said.append(f"{len(shown.assembled.seen_by)} model releases saw the windows: {done}.")
    unknown = unstated(shown.assembled.releases, study.trained_on)
    if unknown:
        said.append(
            f"What {', '.join(unknown)} was trained on was not stated: that it learnt from a case is not ruled out."
        )
    return said


def _window(study: Study) -> str:
    x = study.exposure
    return f"the {x.window_days} days that end {x.lag_days} day{'s' if x.lag_days > 1 else ''} before the index day"


def _table(table: pa.Table) -> dict[str, Any]:
    rows = [[_cell(value) for value in row.values()] for row in table.slice(0, _MOST_ROWS).to_pylist()]
    return {"columns": table.column_names, "rows": rows, "more": max(0, table.num_rows - _MOST_ROWS)}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) else str(value)


@cache
def _template() -> Template:
    text = (resources.files("herdbook.studies.report") / "page.html.j2").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        text
    )
