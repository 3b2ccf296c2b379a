"""What is wrong first is said in one line, and what was given is not repeated."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, Field, ValidationError, model_validator

from herdbook.contracts.validation import first_problem, one_line


class Pen(BaseModel):
    sides: list[int] = Field(min_length=3)

    @model_validator(mode="after")
    def _closed(self) -> Pen:
        if sum(self.sides) > 100:
            raise ValueError("the pen is larger than the barn")
        return self


@pytest.mark.parametrize(
    ("given", "whole", "said"),
    [
        ({"sides": [1, "secret", 3]}, "", "sides.1: Input should be a valid integer"),
        ({"sides": [1]}, "", "sides: List should have at least 3 items"),
        ({"sides": [90, 90, 90]}, "", "the pen is larger than the barn"),
        ({"sides": [90, 90, 90]}, "pen.yaml", "pen.yaml: the pen is larger than the barn"),
    ],
)
def test_one_line_names_the_place(given: dict[str, object], whole: str, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Pen.model_validate(given)
    line = first_problem(caught.value.errors(), whole)
    assert line.startswith(said)
    assert "secret" not in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("'\n' is no time zone\nline 2", "' ' is no time zone line 2"),
        ("a\x1b[31mred\u2028\ud800", "a\\x1b[31mred \\ud800"),
        (ValueError("9" * 5000 + " is too large"), "9" * 250 + " ... " + "9" * 237 + " is too large"),
    ],
)
def test_what_others_said_cannot_forge_lines_or_fill_pages(said: object, shown: str) -> None:
    assert one_line(said) == shown
