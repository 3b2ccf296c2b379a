"""What a release is made of: weights as the version's run left them, and the dataset that it learned from.

Versions carry their weights. The dataset lies in DVC's cache; the commit of the run's workspace names it, so the
workspace itself need not be there any more.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from herdbook.errors import NotFoundError
from herdbook.learning.datasets.reading import Dataset
from herdbook.learning.params import Profile
from herdbook.learning.registry.models import COMPACT, SAM3, WEIGHTS
from herdbook.learning.release.version import Chosen, fetch
from herdbook.learning.workspace import Workspace, restore_workspace
from herdbook.learning.workspace.tools import dvc
from herdbook.settings import Settings

_OLD_PLACES = {COMPACT: {"student": "data/student", "behaviour": "data/behaviour"}, SAM3: dict[str, str]()}
"""Where runs left the weights of versions that were registered without; nowhere for SAM 3's behaviour head."""


@dataclass(frozen=True)
class Materials:
    """All that a release is made of."""

    files: Path
    """The version's files: ``engine.yaml``, ``network.json``, graphs."""
    weights: Path
    """Folders ``student`` and ``behaviour``, each as `herdbook.learning.training.weights` reads it."""
    dataset: Dataset
    profile: Profile


@contextmanager
def gathered(settings: Settings, chosen: Chosen, dataset: Path | None = None) -> Iterator[Materials]:
    """Bring it together for the block.

    Args:
        settings: where the registry is.
        chosen: the version.
        dataset: a dataset of the site, instead of the one that it learned from.

    Raises:
        NotFoundError: the version has no weights, or its dataset is not kept any more.
        RegistryError: the registry cannot be used.
        WorkspaceError: Git or DVC refused.
    """
    with tempfile.TemporaryDirectory(prefix="herdbook-release-") as folder:
        files, profile = fetch(settings, chosen, Path(folder))
        weights = files / WEIGHTS
        if dataset is not None and weights.is_dir():
            yield Materials(files, weights, Dataset(dataset), profile)
            return
        with _checked_out(settings, chosen) as data:
            if not weights.is_dir():
                weights = _old_weights(chosen, data, Path(folder) / WEIGHTS)
            yield Materials(files, weights, Dataset(dataset or data / "data" / "dataset"), profile)


@contextmanager
def _checked_out(settings: Settings, chosen: Chosen) -> Iterator[Path]:
    """The run's commit in a workspace for the block, with its dataset and weights."""
    name = f"{chosen.version.model} version {chosen.version.number}"
    if chosen.run_name is None or chosen.revision is None:
        raise NotFoundError(
            f"{name} was not made by `herdbook learn retrain`: its dataset is not known here",
            "Name a dataset of the site with --dataset.",
        )
    run_id = f"release-{secrets.token_hex(8)}"  # two releases of one version at once do not meet
    try:
        workspace = restore_workspace(settings, chosen.revision, run_id, data=False)
        for path in ("data/dataset", *_OLD_PLACES[chosen.version.model].values()):
            if _knows(workspace, path):
                dvc(workspace.folder, "checkout", "--force", path)
        yield workspace.folder
    finally:
        shutil.rmtree(settings.home.absolute() / "registry" / "runs" / run_id, ignore_errors=True)


def _knows(workspace: Workspace, path: str) -> bool:
    try:
        return bool(workspace.data_hash(path))
    except NotFoundError:
        return False


def _old_weights(chosen: Chosen, workspace: Path, target: Path) -> Path:
    for name, place in _OLD_PLACES[chosen.version.model].items():
        if (workspace / place).is_dir():
            shutil.copytree(workspace / place, target / name)
    if not target.is_dir():
        raise NotFoundError(
            f"{chosen.version.model} version {chosen.version.number} has no weights, only graphs",
            "Train it again with `herdbook learn retrain`: versions are now registered with their weights.",
        )
    return target
