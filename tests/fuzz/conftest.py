"""Inputs that nobody thought of: each is taken whole or refused with a reason, and nothing is lost on the way."""

from __future__ import annotations

import pytest

from support.fuzz import report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cases of each kind ran, as benchmarks/results/fuzz.md has them."""
    for line in report():
        terminalreporter.write_line(line)
