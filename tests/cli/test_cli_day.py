"""A day is written YYYY-MM-DD wherever a command takes one."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from herdbook.cli.day import parse_day


@given(st.dates())
def test_every_day_is_read_back(day: date) -> None:
    assert parse_day(day.isoformat()) == day
    assert parse_day(day) == day, "a default"


@pytest.mark.parametrize("text", ["", "yesterday", "20260302", "2026-W10-1", "2026-3-2", "2026-02-30", "02/03/2026"])
def test_anything_else_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="YYYY-MM-DD"):
        parse_day(text)


@pytest.mark.parametrize("command", ["load 2026-02-30"])
def test_every_command_refuses_it_as_wrong_usage(command: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "herdbook", *command.split()],
        env=os.environ | {"HERDBOOK_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "is not a day" in done.stderr
