"""The plugins' folder on the path, as Airflow puts it there, and a state folder of the test's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from herdbook.demo.airflow import checkout
from herdbook.settings import get_settings


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """``$HERDBOOK_HOME``."""
    monkeypatch.syspath_prepend(str(checkout() / "plugins"))
    monkeypatch.setenv("HERDBOOK_HOME", str(tmp_path))
    monkeypatch.setenv("HERDBOOK_PYTHON", sys.executable)
    get_settings.cache_clear()
    yield tmp_path
    get_settings.cache_clear()
