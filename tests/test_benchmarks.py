"""Benchmarks run: here on a handful of bytes, with nothing said about speed."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

import benchmarks.load
import benchmarks.pull
from support.device_day import DaySpec

COLUMNS = {"name", "ours", "baseline", "unit", "ratio", "aim"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is the baseline")
def test_pulling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks.pull, "ROUNDS", 1)
    monkeypatch.setattr(benchmarks.pull, "DAY", replace(benchmarks.pull.DAY, clips=3, clip_bytes=100_000))
    rows = benchmarks.pull.run()
    assert [set(row) for row in rows] == [COLUMNS] * 2
    assert all(row["ratio"] > 0 for row in rows)


def test_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks.load, "ROUNDS", 1)
    monkeypatch.setattr(benchmarks.load, "SIZES", {"one pen": DaySpec()})
    (row,) = benchmarks.load.run()
    assert set(row) == COLUMNS
    assert row["ratio"] > 0
