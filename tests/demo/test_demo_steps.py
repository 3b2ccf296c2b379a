"""Steps are timed, shown, and not done twice."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from herdbook.demo.steps import Detail, Steps


def steps(tmp_path: Path, out: StringIO | None = None) -> Steps:
    return Steps(tmp_path / "done.json", Console(file=out or StringIO(), width=100))


def test_a_step_is_shown_with_its_remark_and_seconds(tmp_path: Path) -> None:
    out = StringIO()
    steps(tmp_path, out).do("Counting [pens]", lambda detail: detail("one") or "2 pens")
    assert re.fullmatch(r"… Counting \[pens\]\n✓ Counting \[pens\]: 2 pens \d+\.\d s\n", out.getvalue())


def test_a_remembered_step_is_done_once(tmp_path: Path) -> None:
    done: list[int] = []
    for _ in range(3):
        steps(tmp_path).do("Filming", lambda _: done.append(1), once="film")
        steps(tmp_path).do("Serving", lambda _: done.append(2))
    assert done == [1, 2, 2, 2]


def test_a_step_that_fails_is_done_again(tmp_path: Path) -> None:
    def fail(_: Detail) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        steps(tmp_path).do("Filming", fail, once="film")
    done: list[int] = []
    steps(tmp_path).do("Filming", lambda _: done.append(1), once="film")
    assert done == [1]
