"""Readers run studies while days are loaded and files merged: no error, and what is pinned stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.settings import Settings
from support.device_day import DaySpec
from support.study_readers import land_days, load_at_once, make_herd, read_meanwhile

READERS, LOADERS, DAYS = 2, 2, 4
HERD = {
    "devices": 1,
    "pens_per_device": 2,
    "animals_per_pen": 10,
    "days": 70,
    "illness": {"rate_per_year": 10},
    "detail": {"tracklets_per_day": 1, "posture_cycles": 1},
}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("catalog", ["postgres", "sqlite"])
def test_readers_beside_a_load_see_whole_days(catalog: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    dsn = f"postgres:{request.getfixturevalue('postgres_dsn')}" if catalog == "postgres" else ""
    settings = Settings(home=tmp_path / "home", catalog=dsn, lake_wait_s=600)
    make_herd(settings, HERD, tmp_path / "herd")
    landed = land_days(settings, DaySpec(animals=8), LOADERS, DAYS)
    readings = read_meanwhile(settings, tmp_path / "out", READERS, 2, lambda: load_at_once(settings, landed, upkeep=2))

    assert [reading.errors for reading in readings] == [[]] * READERS
    assert [reading.torn for reading in readings] == [[]] * READERS
    assert len(set().union(*(reading.digests for reading in readings))) == 1
    assert all(len(reading.seconds) >= 2 for reading in readings)
    assert all(reading.days == sorted(reading.days) for reading in readings), "no day goes away again"
