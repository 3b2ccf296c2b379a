"""The demo's question, asked of the published database as an epidemiologist would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import herdbook


def question_path() -> Path:
    """The SQL file."""
    return Path(__file__).with_name("answer.sql")


def ask(published: Path) -> list[dict[str, Any]]:
    """Its answer: one row for lame and one for sound animals."""
    with herdbook.connect(published) as herd:
        result = herd.execute(question_path().read_text(encoding="utf-8"))
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
