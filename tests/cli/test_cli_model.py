"""``herdbook model describe`` counts what the paper published, from the real classes."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from herdbook.cli import app

pytest.importorskip("torch", reason="the networks need the extra 'learning'")


def test_describe_counts_the_published_sizes() -> None:
    done = CliRunner().invoke(app, ["model", "describe", "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    sizes = json.loads(done.stdout)
    teacher, student = sizes["teacher"], sizes["student"]
    assert teacher["backbone"] / 1e6 == pytest.approx(446.2, abs=0.05)
    assert teacher["system"] / 1e6 == pytest.approx(465.8, abs=0.05)
    assert student["backbone"] / 1e6 == pytest.approx(40.66, abs=0.05)
    assert student["system"] / 1e6 == pytest.approx(60.2, abs=0.1)
    assert sizes["ratio"] == pytest.approx(teacher["system"] / student["system"])
    assert sizes["ratio"] >= 7.7
    assert student["trunk"] + student["head"] == student["backbone"]
    assert teacher["backbone"] + teacher["tracker"] == teacher["system"]
    assert sizes["embedder"]["vits16"] / 1e6 == pytest.approx(21.6, abs=0.05)
    assert sizes["compact"]["pocket"] < sizes["compact"]["orin"] < 10e6


def test_people_read_millions() -> None:
    done = CliRunner().invoke(app, ["model", "describe"], catch_exceptions=False)
    assert "446.24 M" in done.stdout
