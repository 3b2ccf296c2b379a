"""Data of training outlive the machine: what the cache lost comes back from the remote, a folder or S3."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from herdbook.errors import RemoteError
from herdbook.learning.datasets.sources import SourceList
from herdbook.learning.params import load_params
from herdbook.learning.workspace import create_workspace, restore_workspace
from herdbook.settings import Settings
from support.s3 import Store

pytestmark = pytest.mark.slow
pytest.importorskip("dvc")


def settings_of(kind: str, tmp_path: Path, s3: Store) -> Settings:
    remote = f"{s3.bucket()}/dvc" if kind == "s3" else str(tmp_path / "remote")
    return s3.settings(tmp_path / "home", dvc_remote=remote)


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_what_the_cache_lost_comes_back(tmp_path: Path, s3: Store, kind: str) -> None:
    settings = settings_of(kind, tmp_path, s3)
    workspace = create_workspace(settings, "run-1", load_params(profile="pocket"), SourceList())
    (workspace.folder / "data" / "notes.txt").write_text("kept")
    workspace.add("data/notes.txt")
    shutil.rmtree(settings.registry / "cache")
    again = restore_workspace(settings, workspace.revision(), "run-2")
    assert (again.folder / "data" / "notes.txt").read_text() == "kept"
    if kind == "s3":
        assert s3.names(settings.dvc_remote)
        told = (again.folder / ".dvc" / "config.local").read_text()
        assert "secret" not in told, "a workspace holds no key"


def test_a_remote_that_is_away_is_said_and_what_was_computed_stays(tmp_path: Path, s3: Store) -> None:
    settings = settings_of("s3", tmp_path, s3)
    away = settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    workspace = create_workspace(away, "run-1", load_params(profile="pocket"), SourceList())
    (workspace.folder / "data" / "notes.txt").write_text("kept")
    with pytest.raises(RemoteError):
        workspace.add("data/notes.txt")
    back = create_workspace(settings, "run-1", load_params(profile="pocket"), SourceList())
    back.add("data/notes.txt")
    assert s3.names(settings.dvc_remote)
