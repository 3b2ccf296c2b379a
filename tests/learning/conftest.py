"""Fixtures of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from registry_homes import make_registry, registry_template

__all__ = ["make_registry", "registry_template"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The pipeline of `small_pipeline`, for new workspaces of this process."""
    from small_pipeline import use_pipeline, write_pipeline

    from herdbook.learning.retrain import ablate, leave_out, old_code, run
    from herdbook.learning.workspace import run as workspace

    for module, name in (
        (workspace, "pipeline_root"),
        (workspace, "code_digests"),
        (run, "code_digests"),
        (run, "take_origin"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back in the end what is set now
    folder = write_pipeline(tmp_path / "pipeline")
    use_pipeline(folder)
    for other in (old_code, ablate, leave_out):
        monkeypatch.setattr(other, "take_origin", run.take_origin)
    return folder
