"""Models, their files and their data come back, in a home that lies elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from herdbook.backup.restore import restore
from herdbook.backup.write import backup
from herdbook.learning.datasets.sources import SourceList
from herdbook.learning.params import load_params
from herdbook.learning.registry.models import CHALLENGER, CHAMPION, COMPACT, download, move_champion, register, require
from herdbook.learning.registry.origin import take_origin
from herdbook.learning.registry.store import open_store
from herdbook.learning.registry.tracking import start_run
from herdbook.learning.workspace import create_workspace
from herdbook.settings import Settings

pytest.importorskip("mlflow")
pytest.importorskip("dvc")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def registered(settings: Settings, folder: Path, content: str) -> None:
    """A run with a model and weights."""
    weights = folder / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_text(content)
    (weights / "student").write_text(f"{content}'s weights")
    with start_run(settings, content, take_origin(Path("/"))) as run:
        run.metrics({"hota": 0.5})
        register(run, COMPACT, [folder / "model.onnx"], f"{content:0<64}", weights)


def test_the_champion_is_fetched_from_the_restored_registry(filled: Settings, tmp_path: Path) -> None:
    registered(filled, tmp_path / "files", "one")
    move_champion(filled, COMPACT, 1)
    workspace = create_workspace(filled, "run-1", load_params(), SourceList())
    (workspace.folder / "data" / "pictures").mkdir(parents=True)
    (workspace.folder / "data" / "pictures" / "a.png").write_text("frame")
    digest = workspace.add("data/pictures")
    new = Settings(home=tmp_path / "new" / "home")
    folder = backup(filled)
    old = filled.home.rename(tmp_path / "gone")
    restored = restore(new, old / "backups" / folder.name)
    assert restored.moved_addresses >= 3
    champion = require(new, COMPACT, CHAMPION)
    place = download(new, champion, tmp_path / "fetched")
    assert (place / "model.onnx").read_text() == "one"
    assert (place / "weights" / "student").read_text() == "one's weights"
    shutil.rmtree(old)  # nothing of it is needed any more
    again = create_workspace(new, "run-1", load_params(), SourceList())
    assert again.data_hash("data/pictures") == digest
    assert (again.folder / "data" / "pictures" / "a.png").read_text() == "frame"
    registered(new, tmp_path / "files", "two")
    assert require(new, COMPACT, CHALLENGER).number == 2
    runs = open_store(new).search_runs(["1"])
    assert len(runs) == 2
    assert all(Path(run.info.artifact_uri.removeprefix("file://")).is_relative_to(new.registry) for run in runs)
