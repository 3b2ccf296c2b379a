"""What one row says, cell by cell; no lake needed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from herdbook.labels.cells import RowProblem
from herdbook.labels.facts import Fact, read_fact
from herdbook.labels.mapping import Mapping
from herdbook.roster.sheets import Cell, Row

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
BASE: dict[str, Any] = {
    "source": "s",
    "farm": "hill",
    "timezone": "Europe/London",
    "animal": {"column": "tag"},
    "event": {"kind": "weight", "value": {"column": "value"}},
    "occurred_by": "date",
}


def fact(changes: dict[str, Any], **cells: Cell) -> Fact | None:
    """Read one row; cells that are not given are empty."""
    mapping = Mapping.model_validate({**BASE, **changes})
    given: dict[str, Cell] = {"tag": "101", "date": "2024-05-03", "value": "80", **cells}
    return read_fact(Row(2, {c: given.get(c) for c in {*mapping.columns, *given}}), mapping, NOW)


def at(*parts: int) -> datetime:
    """A time without a zone."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def value(changes: dict[str, Any], cell: Cell) -> float | str | None:
    """The value of one cell."""
    found = fact(changes, value=cell)
    assert found is not None
    return found.value_number if found.value_number is not None else found.value_text


def numbers(**spec: Any) -> dict[str, Any]:
    """A mapping of weights with a changed value column."""
    return {"event": {"kind": "weight", "value": {"column": "value", **spec}}}


def test_numbers_are_read_by_the_mappings_decimal_sign() -> None:
    assert value({}, "112.5") == value({}, 112.5) == value(numbers(decimal=","), "112,5") == 112.5
    assert value(numbers(decimal=","), 112.5) == 112.5, "a spreadsheet's number has no decimal sign"
    for spec, cell in (({}, "112,5"), ({"decimal": ","}, "1.112,5"), ({}, "1_000"), ({}, "inf"), ({}, True)):
        with pytest.raises(RowProblem, match="value: "):
            value(numbers(**spec), cell)


def test_values_are_translated_and_unknown_ones_refused() -> None:
    score = {"kind": "lameness_score", "value": {"column": "value", "scale": "mobility-0-3", "values": {"lame": 2}}}
    assert value({"event": score}, "lame") == 2
    with pytest.raises(RowProblem, match="'sound' is not among the values of the mapping"):
        value({"event": score}, "sound")
    check = {"kind": "pregnancy_check", "value": {"column": "value"}}
    assert value({"event": check}, "empty") == "empty"
    with pytest.raises(RowProblem, match="'perhaps' is none of pregnant, empty, unclear"):
        value({"event": check}, "perhaps")


def test_a_score_off_its_scale_is_refused() -> None:
    score = {"kind": "lameness_score", "value": {"column": "value", "scale": "locomotion-1-5"}}
    with pytest.raises(RowProblem, match="7 is not on the scale locomotion-1-5"):
        value({"event": score}, "7")


def test_own_units_are_kept() -> None:
    found = fact(numbers(unit="lb"), value="180")
    assert found is not None
    assert (found.value_number, found.unit) == (180, "lb")


@pytest.mark.parametrize(
    ("spec", "cells", "occurred_by"),
    [
        ({"column": "date", "format": "%d/%m/%Y"}, {"date": "03/05/2024"}, at(2024, 5, 3, 22, 59, 59, 999999)),
        ({"column": "date", "format": "%d/%m/%y %H:%M"}, {"date": "03/05/24 14:30"}, at(2024, 5, 3, 13, 30)),
        ({"column": "date", "time_column": "t"}, {"t": "14:30"}, at(2024, 5, 3, 13, 30)),
        ({"column": "date", "time_column": "t"}, {}, at(2024, 5, 3, 22, 59, 59, 999999)),
        (
            {"column": "date", "time_column": "t", "time_format": "%I:%M %p"},
            {"t": "2:00 PM"},
            at(2024, 5, 3, 13),
        ),
        (
            {"column": "date", "time_column": "t"},
            {"date": at(2024, 5, 3), "t": time(14, 30)},
            at(2024, 5, 3, 13, 30),
        ),
        ({"column": "date"}, {"date": at(2024, 5, 3)}, at(2024, 5, 3, 22, 59, 59, 999999)),
        ({"column": "date"}, {"date": date(2024, 1, 3)}, at(2024, 1, 3, 23, 59, 59, 999999)),
        ({"column": "date"}, {"date": at(2024, 5, 3, 6)}, at(2024, 5, 3, 5)),
    ],
)  # fmt: skip
def test_dates_and_times_of_many_makes(spec: dict[str, Any], cells: dict[str, Cell], occurred_by: datetime) -> None:
    found = fact({"occurred_by": spec}, **cells)
    assert found is not None
    assert found.occurred_by == occurred_by.replace(tzinfo=UTC)


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(RowProblem, match="t: 'noon' is not a time of day"):
        fact({"occurred_by": {"column": "date", "time_column": "t"}}, t="noon")


def test_what_was_written_down_the_same_day_was_true_by_then() -> None:
    found = fact({"recorded_at": "entered"}, entered="2024-05-03T10:00")
    assert found is not None
    assert found.occurred_by == found.recorded_at == datetime(2024, 5, 3, 9, tzinfo=UTC)
    with pytest.raises(RowProblem, match="recorded before it was seen"):
        fact({"recorded_at": "entered"}, entered="2024-05-02T10:00")


def test_the_last_negative_lies_before_the_first_positive() -> None:
    found = fact({"occurred_after": "sound"}, sound="2024-05-01")
    assert found is not None
    assert found.occurred_after == datetime(2024, 4, 30, 23, tzinfo=UTC)
    with pytest.raises(RowProblem, match="last not true after it was first true"):
        fact({"occurred_after": "sound"}, sound="2024-05-04")


def test_two_diagnoses_on_a_day_are_two_facts_two_weights_one() -> None:
    diagnosis = {"event": {"kind": "diagnosis", "value": {"column": "value"}}}

    def ids(changes: dict[str, Any], *values: str) -> int:
        return len({f.label_id for f in (fact(changes, value=v) for v in values) if f is not None})

    assert ids(diagnosis, "mastitis", "phlegmon") == 2
    assert ids({}, "80", "81") == 1


def test_today_is_not_the_future_but_tomorrow_is() -> None:
    assert fact({}, date="2024-06-01") is not None
    with pytest.raises(RowProblem, match="in the future"):
        fact({}, date="2024-06-02")


def test_what_reached_us_today_was_true_and_written_down_by_then() -> None:
    found = fact({}, date="2024-06-01")
    assert found is not None
    assert found.occurred_by == found.recorded_at == NOW
    with pytest.raises(RowProblem, match="recorded in the future"):
        fact({"recorded_at": "entered"}, entered="2024-06-02")


def test_plans_and_unwanted_events_are_left_out() -> None:
    assert fact({"planned": {"column": "status", "values": ["planned"]}}, status="planned") is None
    events = {"event": None, "events": {"column": "what", "values": {"note": None, "died": {"kind": "death"}}}}
    assert fact(events, what="note") is None
    assert fact(events, what="died") is not None
    with pytest.raises(RowProblem, match="what: 'sneezed' is not an event of the mapping"):
        fact(events, what="sneezed")


def test_a_text_of_any_length_is_not_kept() -> None:
    with pytest.raises(RowProblem, match="at most 500 are kept"):
        fact({"observer": "who"}, who="x" * 501)
