"""``herdbook …`` in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from herdbook.cli import main

Herdbook = Callable[..., tuple[int, str, str]]
"""Runs ``herdbook ARGUMENTS``: exit code, stdout, stderr."""


def in_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *before: str) -> Herdbook:
    """A runner; what comes ``before`` stands in front of every call's arguments."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["herdbook", *before, *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
