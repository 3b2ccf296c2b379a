"""Every error has an exit code of its own and says what to do; the documentation lists them all."""

from __future__ import annotations

from pathlib import Path

from herdbook.errors import all_errors, exit_code_page

PAGE = Path(__file__).parent.parent / "docs" / "exit-codes.md"


def test_exit_codes_are_unique_and_not_those_of_the_shell() -> None:
    codes = [error.exit_code for error in all_errors()]
    assert len(set(codes)) == len(codes)
    assert all(code == 1 or 10 <= code < 126 for code in codes)


def test_every_error_says_what_to_do_and_what_it_means() -> None:
    for error in all_errors():
        assert error.__doc__
        assert error("x").remedy.endswith(".")
        assert error("x", "Do y.").remedy == "Do y."


def test_the_page_of_exit_codes_is_up_to_date() -> None:
    assert PAGE.read_text() == exit_code_page(), "run: python -m herdbook.errors > docs/exit-codes.md"
