"""Small simulated farms for all tests of the folder."""

from __future__ import annotations

import pytest

from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.run import simulate_farm
from support.written_farm import SMALL, Written

pytest.importorskip("cv2", reason="drawing needs the extra 'edge'")


@pytest.fixture(scope="session")
def small_farm(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """One pen, one day, six clips of ten seconds, some of them cut by outages."""
    out = tmp_path_factory.mktemp("simulated") / "farm"
    simulate_farm(SMALL, out)
    return Written(out)


@pytest.fixture(scope="session")
def two_camera_farm(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """One pen under two overlapping cameras."""
    out = tmp_path_factory.mktemp("simulated") / "two"
    plan = FarmPlan(
        seed=8, days=1, pens=1, cameras_per_pen=2, fps=2, clips_per_day=4, clip_seconds=4, outages_per_day=0
    )
    simulate_farm(plan, out)
    return Written(out)
