"""Three small simulated farms with footage and truth, made once per test session."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small_farms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Farms ``north``, ``south`` and ``east``: two pens of three animals, two days, two clips of 3 s each."""
    from herdbook.simulate.plan import make_plan
    from herdbook.simulate.run import simulate_farm

    folder = tmp_path_factory.mktemp("farms")
    for seed, name in enumerate(("north", "south", "east")):
        plan = make_plan(
            {
                "seed": seed,
                "farm_id": name,
                "barn": f"{name}-barn",
                "start_day": date(2026, 3, 2),
                "days": 2,
                "pens": 2,
                "animals_per_pen": 3,
                "width": 160,
                "height": 120,
                "fps": 4,
                "clips_per_day": 2,
                "clip_seconds": 3,
                "first_clip": time(9),
                "last_clip": time(15),
                "outages_per_day": 0,
            }
        )
        simulate_farm(plan, folder / name)
    return folder
