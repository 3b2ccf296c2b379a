"""``herdbook`` with a signer that writes where simulated devices read: ``FLEET_FOLDER`` names the place."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from herdbook.cli import main
from herdbook.fleet.rollout import control, driver, pins
from support.fleet_devices import FolderSigner
from support.rollouts import NEW, OLD


def signer(_settings: object) -> FolderSigner:
    """Instead of the repository's."""
    return FolderSigner(Path(os.environ["FLEET_FOLDER"]), {OLD, NEW})


for module in (control, driver, pins):
    module.TrustSigner = signer  # type: ignore[attr-defined]

if __name__ == "__main__":
    main()
