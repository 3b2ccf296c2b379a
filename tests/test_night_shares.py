"""Several workers load a night's days in shares, all at once: every day once, every tracklet matched once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from herdbook.contracts.share import Share
from herdbook.lake.attach import kept_open, open_lake
from herdbook.lake.migrate import migrate
from herdbook.ledger.migrate import upgrade
from herdbook.night import load_herd, waiting_days
from herdbook.settings import Settings
from support.device_day import DaySpec, land, write_device_day

SHARES = 3


def test_shares_loaded_at_once_are_the_whole_night(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with kept_open():
        migrate(settings)
        upgrade(settings)
        for n in range(8):
            spec = DaySpec(device_id=f"barn-{n}", seed=n, animals=1)
            land(settings.landing, write_device_day(tmp_path / spec.device_id, spec))
        waiting = [waiting_days(settings, (), Share(k, SHARES)) for k in range(1, SHARES + 1)]
        assert sorted(folder for some in waiting for folder in some) == waiting_days(settings)
        with ThreadPoolExecutor(SHARES) as pool:
            shares = [Share(k, SHARES) for k in range(1, SHARES + 1)]
            nights = list(pool.map(lambda share: load_herd(settings, publish=False, share=share), shares))
        assert [night.errors for night in nights] == [[]] * SHARES
        assert sorted(len(night.loads) for night in nights) == sorted(len(some) for some in waiting)
        with open_lake(settings, read_only=True) as lake:
            assert lake.execute("SELECT count(*) FROM record.device_day").fetchone() == (8,)
        assert waiting_days(settings) == []
