"""The demo keeps to a home of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.demo.place import OwnCamera, Place
from herdbook.errors import ConfigurationError, StorageError
from herdbook.fleet import inventory
from herdbook.lake.migrate import migrate
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings


def initialised(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    migrate(settings)
    upgrade(settings)
    return settings


def test_a_new_home_and_a_freshly_made_one_will_do(tmp_path: Path) -> None:
    for settings in (Settings(home=tmp_path / "new"), initialised(tmp_path)):
        with Place(settings).guarded(fresh=False):
            assert Place(settings).root.is_dir()


def test_a_home_with_records_is_refused_and_not_emptied(tmp_path: Path) -> None:
    settings = initialised(tmp_path)
    inventory.enrol(settings, "d", farm_id="f", url="http://d:1", timezone="UTC", token="x" * 32)
    with (
        pytest.raises(ConfigurationError, match="holds records that are not the demo's"),
        Place(settings).guarded(fresh=True),
    ):
        pytest.fail("entered")
    assert (settings.home / "ledger.sqlite").exists()


@pytest.mark.parametrize(
    "store", [{"catalog": "postgres:dbname=herd"}, {"data_path": "s3://herd"}, {"ledger_url": "sqlite:////tmp/x"}]
)
def test_stores_of_a_real_farm_are_refused(tmp_path: Path, store: dict[str, str]) -> None:
    with (
        pytest.raises(ConfigurationError, match="simulated animals"),
        Place(Settings(home=tmp_path / "home", **store)).guarded(fresh=False),
    ):
        pytest.fail("entered")


def test_fresh_forgets_an_earlier_demo_only(tmp_path: Path) -> None:
    place = Place(initialised(tmp_path))
    with place.guarded(fresh=False):
        place.done.write_text("[]")
        (place.settings.home / "herd.duckdb").write_text("old")
    with place.guarded(fresh=True):
        assert [path.name for path in place.settings.home.iterdir()] == ["demo"]
        assert not place.done.exists()


def test_one_demo_at_a_time(tmp_path: Path) -> None:
    place = Place(Settings(home=tmp_path / "home"))
    with (
        place.guarded(fresh=False),
        pytest.raises(StorageError, match="another demo runs"),
        place.guarded(fresh=True),
    ):
        pytest.fail("entered")


def test_another_video_is_another_device(tmp_path: Path) -> None:
    first, second = tmp_path / "a.mp4", tmp_path / "b.mp4"
    first.write_bytes(b"1")
    second.write_bytes(b"22")
    names = {OwnCamera(first).device_id, OwnCamera(second).device_id}
    assert len(names) == 2
    assert OwnCamera(first).device_id in names
