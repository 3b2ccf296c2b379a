"""Data is shown whole: on a terminal of 80 columns, in a pipe, and as JSON."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

ANIMAL_DAY = {f"a_column_with_a_name_{i}": f"value {i}" for i in range(24)}
"""As wide as what the demo recommends to look at."""


def program(rows: object, call: str = "print_rows(rows, as_json=False, title='the herd')") -> list[str]:
    return [sys.executable, "-c", f"from herdbook.cli.output import *\nrows = {rows!r}\n{call}"]


def piped(*arguments: object) -> str:
    env = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    return subprocess.run(program(*arguments), env=env, capture_output=True, text=True, check=True).stdout  # type: ignore[arg-type]


def on_a_terminal(*arguments: object, columns: int = 80) -> str:
    """What a terminal would show, without its colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")} | {"TERM": "xterm"}
    with subprocess.Popen(program(*arguments), stdin=theirs, stdout=theirs, env=env):  # type: ignore[arg-type]
        os.close(theirs)
        said = b""
        try:
            while block := os.read(ours, 65536):
                said += block
        except OSError:  # Linux says so once nobody has the other end open
            pass
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", said.decode()).replace("\r\n", "\n")


def test_what_fits_the_terminal_is_a_table() -> None:
    shown = on_a_terminal([{"day": "2026-03-02", "n": 1}, {"day": "2026-03-03", "n": None}])
    assert "┃ day        ┃ n ┃" in shown
    assert "│ 2026-03-03 │   │" in shown


def test_what_is_wider_is_a_block_per_row_and_nothing_is_cut() -> None:
    shown = on_a_terminal([ANIMAL_DAY, ANIMAL_DAY])
    pairs = re.findall(r"^(a_column_with_a_name_\d+): +(value \d+)$", shown, re.MULTILINE)
    assert pairs == list(ANIMAL_DAY.items()) * 2
    assert max(map(len, shown.splitlines())) <= 80


def test_a_long_value_is_wrapped_by_the_terminal_not_cut() -> None:
    shown = on_a_terminal([{"": "a check", "meaning": "x" * 200}])
    assert "a check\n" in shown
    assert "x" * 200 in shown


def test_a_pipe_has_no_width() -> None:
    head, first, *_ = piped([ANIMAL_DAY]).splitlines()[1:]
    assert head.split() == list(ANIMAL_DAY)
    assert re.split(r" {2,}", first.strip()) == list(ANIMAL_DAY.values())
    assert head.index("a_column_with_a_name_9") == first.index("value 9"), "aligned"


def test_markup_in_data_is_data() -> None:
    assert "[bold]x[/]" in piped([{"[red]n": "[bold]x[/]"}])


def test_columns_of_the_same_name_are_all_there() -> None:
    call = "print_table(['n', 'n', 'm'], rows, as_json={})"
    assert json.loads(piped([(1, 2, 3)], call.format(True))) == [{"n": 1, "n_1": 2, "m": 3}]
    assert piped([(1, 2, 3)], call.format(False)).split() == ["n", "n_1", "m", "1", "2", "3"]


def test_no_rows_are_said_and_an_empty_array_in_json() -> None:
    assert piped([]) == "no rows\n"
    assert json.loads(piped([], "print_rows(rows, as_json=True)")) == []
