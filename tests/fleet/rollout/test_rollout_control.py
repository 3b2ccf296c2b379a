"""What a rollout may begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.contracts.release import Release
from herdbook.errors import RolloutConflictError
from herdbook.fleet.rollout.control import begin
from herdbook.fleet.rollout.policy import read_policy
from herdbook.settings import Settings
from support.fleet_devices import FolderSigner
from support.releases import release_document


class LabSigner(FolderSigner):
    """Its release is of a version that was never champion."""

    def release(self, release_id: str) -> Release:
        return Release.model_validate(release_document(release_id, lab=True))


def test_a_release_for_the_lab_is_never_rolled_out(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with pytest.raises(RolloutConflictError, match="never champion"):
        begin(settings, "compact-1", read_policy(None), by="test", signer=LabSigner(tmp_path, ["compact-1"]))
