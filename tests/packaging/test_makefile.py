"""What `make` does to a folder, tried in a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from herdbook.demo.guard import MARKER

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(folder: Path, target: str, **env: str) -> str:
    shutil.copy(ROOT / "Makefile", folder)
    done = subprocess.run(
        ["make", target], cwd=folder, env=os.environ | env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_clean_removes_no_records_wherever_they_are(tmp_path: Path) -> None:
    checkout, elsewhere = tmp_path / "checkout", tmp_path / "lib" / "herdbook"
    for home in (checkout / ".herdbook", elsewhere):
        home.mkdir(parents=True)
        (home / "ledger.sqlite").touch()
    (checkout / ".mypy_cache").mkdir()
    make(checkout, "clean", HERDBOOK_HOME=str(elsewhere))
    assert (elsewhere / "ledger.sqlite").exists()
    assert (checkout / ".herdbook" / "ledger.sqlite").exists()
    assert not (checkout / ".mypy_cache").exists()


def test_clean_removes_the_demos_home_in_the_checkout_only(tmp_path: Path) -> None:
    checkout, elsewhere = tmp_path / "checkout", tmp_path / "lib" / "herdbook"
    for home in (checkout / ".herdbook", elsewhere):
        home.mkdir(parents=True)
        (home / MARKER).touch()
    make(checkout, "clean", HERDBOOK_HOME=str(elsewhere))
    assert not (checkout / ".herdbook").exists()
    assert elsewhere.exists()


def test_every_target_is_explained(tmp_path: Path) -> None:
    explained = {line.split()[0] for line in make(tmp_path, "help").splitlines()}
    assert {"setup", "demo", "test", "test-slow", "lint", "bench", "up", "wheel", "lock", "clean"} <= explained


def test_the_installer_comes_from_the_lock_with_its_hashes(tmp_path: Path) -> None:
    """Up to installing all of it, with a Python that only notes how it was called."""
    uv = "uv==0.13 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    (tmp_path / "requirements.lock").write_text(f"aaa==1 \\\n    --hash=sha256:aa\n    # via x\n{uv}zzz==1\n")
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    note = tmp_path / ".venv" / "bin" / "python"
    note.write_text('#!/bin/sh\necho "$@" >> calls; echo "#!/bin/true" > .venv/bin/uv; chmod +x .venv/bin/uv\n')
    note.chmod(0o755)
    make(tmp_path, "setup", PYTHON="true")
    assert (tmp_path / ".venv" / "uv.txt").read_text() == uv
    assert "--require-hashes -r .venv/uv.txt" in (tmp_path / "calls").read_text()
