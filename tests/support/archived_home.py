"""A home whose archive holds one day of one farm, made once and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from herdbook.settings import Settings, get_settings


@pytest.fixture(scope="session")
def archived_template(small_farms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home that is copied."""
    pytest.importorskip("cv2", reason="recording needs the extra 'edge'")
    from support.archive import archive

    home = tmp_path_factory.mktemp("archive") / "home"
    archive(Settings(home=home), small_farms / "north")
    return home


@pytest.fixture
def archived(archived_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of one's own, which commands use too."""
    shutil.copytree(archived_template, tmp_path / "home")
    monkeypatch.setenv("HERDBOOK_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    return get_settings()
