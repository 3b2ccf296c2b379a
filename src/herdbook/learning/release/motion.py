"""The engine that learns nothing as a release, so that a fleet can be told to run it.

It has no networks and no fixtures: its code is the device's own software. What the release says is the embedding space,
the ethogram, the parameters, the budgets and the alert rules.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

from herdbook.contracts.durable import make_folder, write_durably
from herdbook.contracts.release import WITHOUT_NETWORKS, Precision, Provenance
from herdbook.edge.config import MOTION_RELEASE
from herdbook.edge.perception.parameters import MotionParameters
from herdbook.learning.release.alerts import alert_rules
from herdbook.learning.release.document import describe, write_release
from herdbook.learning.release.made import Made
from herdbook.learning.release.recipes import load_recipes
from herdbook.settings import Settings

PARAMETERS = "motion.json"
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
"""A time that does not change, as nothing in the release does: no run made it."""


def make_motion(settings: Settings, *, recipes: Path | None = None, alerts: Path | None = None) -> Path:
    """Make the release of engine ``motion``; the folder that holds it. The same settings give the same release.

    Args:
        settings: where releases are.
        recipes: of your own; the shipped ones if none.
        alerts: rules of your own; the shipped ones of the ethogram if none.

    Raises:
        NotFoundError, ConfigurationError: recipes or rules cannot be used.
        DiskFullError: no space is left.
    """
    book = load_recipes(recipes)
    place = make_folder(settings.releases / "made")
    part = Path(mkdtemp(prefix=".part.", dir=place))
    try:
        write_durably(part / PARAMETERS, (MotionParameters().model_dump_json(indent=1) + "\n").encode())
        release = describe(
            part,
            MOTION_RELEASE,
            Made(),
            recipes=book.recipes(WITHOUT_NETWORKS, Precision.FP32),
            provenance=Provenance(
                model=WITHOUT_NETWORKS, version=1, run_id="", git_revision="", data_revision="", made_at=_SINCE
            ),
            alerts=alert_rules(MOTION_RELEASE.ethogram_id, alerts),
        )
        part.chmod(0o755)
        return write_release(part, release, place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
