"""Which student is held against the teacher: a release that was named, or the one that serves."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.evaluation.predictions import Engine
from herdbook.settings import Settings


@contextmanager
def serving_student(settings: Settings, release: Path | None = None) -> Iterator[Engine]:
    """The release in a folder; without one the champion of `herdbook-compact`, or `motion` where there is none yet.

    Raises:
        NotFoundError, ConfigurationError: the folder holds no release.
        RegistryError: the registry cannot be asked who serves.
    """
    if release is not None:
        yield read_engine(release / "engine.yaml")
        return
    from herdbook.learning.registry.models import CHAMPION, COMPACT, download, find

    version = find(settings, COMPACT, CHAMPION)
    if version is None:
        yield Engine()
        return
    with tempfile.TemporaryDirectory(prefix="herdbook-student-") as folder:
        yield read_engine(download(settings, version, Path(folder)) / "engine.yaml")
