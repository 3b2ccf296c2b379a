"""An audit says what it found, and fails where nobody could be asked."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.audit import CLEAN, NOT_ASKED, WEAK, audit

FOUND = {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
FINE = {"name": "b", "version": "1", "vulns": []}
SKIPPED = {"name": "c", "skip_reason": "not on the index"}


@pytest.mark.parametrize(
    ("dependencies", "code", "said"),
    [
        ([FINE], CLEAN, "1 packages, 0 with known weaknesses"),
        ([FINE, FOUND], WEAK, "a 1: PYSEC-1, mended in 2"),
        ([FINE, SKIPPED], NOT_ASKED, "NOT AUDITED: c"),
        (None, NOT_ASKED, "NOT AUDITED: no route to host"),
    ],
)
def test_what_was_found_decides(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    dependencies: list[dict[str, Any]] | None,
    code: int,
    said: str,
) -> None:
    told = "" if dependencies is None else json.dumps({"dependencies": dependencies})
    answer = SimpleNamespace(stdout=told, stderr="Traceback\nno route to host\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    assert audit(Path("requirements.lock")) == code
    printed = capsys.readouterr()
    assert said in printed.out + printed.err


def test_a_service_that_does_not_answer_is_no_clean_audit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lock = tmp_path / "one.lock"
    lock.write_text(f"pytz==2025.1 --hash=sha256:{'0' * 64}\n")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    assert audit(lock) == NOT_ASKED
    assert "NOT AUDITED" in capsys.readouterr().err
