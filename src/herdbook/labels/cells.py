"""What single cells of a farm's export mean, by the mapping's word."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time

from herdbook.labels.kinds import RULES, LabelKind, value_problem
from herdbook.labels.mapping import RowFlag, TextColumn, TimeColumn, ValueColumn
from herdbook.roster.moments import Moment, earliest, latest, parse_moment
from herdbook.roster.sheets import Cell, Row, as_text

MAX_TEXT = 500
"""Characters of a text that are kept."""


class RowProblem(ValueError):  # noqa: N818 - a reason that is written down, not an error a user meets
    """Why a row cannot become a fact; it goes to quarantine."""


def flagged(row: Row, flag: RowFlag | None) -> bool:
    """Whether a row is flagged."""
    return flag is not None and as_text(row.cells[flag.column]) in flag.values


def text(row: Row, spec: TextColumn | None) -> str | None:
    """A text, translated where the mapping says so.

    Raises:
        RowProblem: it is not among the mapping's values, or too long.
    """
    if spec is None:
        return None
    text = as_text(row.cells[spec.column])
    if text is None:
        return None
    if spec.values:
        if text not in spec.values:
            raise RowProblem(f"{spec.column}: '{text}' is not among the values of the mapping")
        return spec.values[text]
    return _short(spec.column, text)


def value(row: Row, kind: LabelKind, spec: ValueColumn, *, retracted: bool) -> tuple[float | None, str | None]:
    """A value as number or as text, in the scale or unit of the mapping.

    Raises:
        RowProblem: it is not a number, not on the scale, not among the choices, or missing where one is needed.
    """
    cell: Cell = row.cells[spec.column]
    text = as_text(cell)
    if spec.values and text is not None:
        if text not in spec.values:
            raise RowProblem(f"{spec.column}: '{text}' is not among the values of the mapping")
        cell = spec.values[text]
        text = as_text(cell)
    value: float | str | None = text
    if text is not None and RULES[kind].value == "number":
        value = number(spec.column, cell, text, spec.decimal)
    problem = None if retracted else value_problem(kind, value, spec.scale)
    if problem is not None:
        raise RowProblem(f"{spec.column}: {problem}")
    if isinstance(value, str):
        return None, _short(spec.column, value)
    return value, None


def number(column: str, cell: Cell, text: str, decimal: str) -> float:
    """A finite number, as the cell holds it or as it is written with that decimal sign.

    Raises:
        RowProblem: it is none.
    """
    if isinstance(cell, bool | datetime | date | time):
        raise RowProblem(f"{column}: '{text}' is not a number")
    if decimal == "," and isinstance(cell, str):
        if "." in text:
            raise RowProblem(f"{column}: '{text}' has a point, but the mapping says decimal comma")
        text = text.replace(",", ".")
    try:
        found = float(text) if "_" not in text else math.nan
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise RowProblem(f"{column}: '{text}' is not a number")
    return found


def moment(row: Row, spec: TimeColumn | None) -> Moment | None:
    """A day or time as written, or none where the cell is empty.

    Raises:
        RowProblem: it is not in the mapping's format.
    """
    if spec is None or row.cells[spec.column] is None:
        return None
    day = _parsed(spec.column, row.cells[spec.column], spec.format)
    if spec.time_column is None or row.cells[spec.time_column] is None:
        return day
    clock = row.cells[spec.time_column]
    if isinstance(clock, datetime):
        clock = clock.time()
    if not isinstance(clock, time):
        try:
            text = as_text(clock) or ""
            clock = (
                datetime.strptime(text, spec.time_format).time()  # noqa: DTZ007 - the zone is the mapping's
                if spec.time_format
                else time.fromisoformat(text)
            )
        except ValueError as error:
            raise RowProblem(f"{spec.time_column}: '{clock}' is not a time of day") from error
    return datetime.combine(day, clock)


def _parsed(column: str, cell: Cell, form: str | None) -> Moment:
    if isinstance(cell, datetime):  # a spreadsheet's date is a midnight
        return cell.date() if cell.time() == time.min and cell.tzinfo is None else cell
    if isinstance(cell, date):
        return cell
    text = as_text(cell) or ""
    try:
        if form is None:
            return parse_moment(text)
        found = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the mapping's
    except ValueError as error:
        expected = "a date or time such as 2024-05-03" if form is None else f"in the format {form}"
        raise RowProblem(f"{column}: '{text}' is not {expected}") from error
    return found if any(code in form for code in _CLOCK_CODES) else found.date()


_CLOCK_CODES = ("%H", "%I", "%c", "%X")


def bounds(moment: Moment, timezone: str) -> tuple[datetime, datetime]:
    """The first and last instant, in UTC, that a moment can mean.

    Raises:
        RowProblem: the local time does not exist, or no farm has such a day.
    """
    try:
        first, last = earliest(moment, timezone), latest(moment, timezone)
    except ValueError as error:
        raise RowProblem(str(error)) from error
    return first.astimezone(UTC), last.astimezone(UTC)


def _short(column: str, text: str) -> str:
    if len(text) > MAX_TEXT:
        raise RowProblem(f"{column}: {len(text)} characters, at most {MAX_TEXT} are kept")
    return text
