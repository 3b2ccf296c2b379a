"""Decisions that code and pages point to are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"\b(?:ADR|[Dd]ecisions?) \[?(\d{2,4})\b")


def test_every_decision_that_is_named_exists() -> None:
    there = {int(path.name[:4]) for path in (ROOT / "docs" / "adr").glob("0*.md")}
    files = [
        path
        for room in ("src", "models", "plugins", "dags", "docs", "benchmarks", "tests")
        for path in (ROOT / room).rglob("*")
    ]
    named = {
        int(number): path
        for path in files
        if path.suffix in (".py", ".md", ".yaml")
        for number in NAMED.findall(path.read_text(encoding="utf-8"))
    }
    assert {str(path): number for number, path in named.items() if number not in there} == {}
