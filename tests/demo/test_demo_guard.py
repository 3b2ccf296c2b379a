"""The demo keeps to a home of its own, and deletes nothing that it did not make."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from herdbook.demo.guard import MARKER, guarded
from herdbook.demo.place import Place
from herdbook.errors import ConfigurationError, StorageError
from herdbook.fleet import inventory
from herdbook.lake.migrate import migrate
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings


def content(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def settled(home: Path) -> Settings:
    """A real farm's home: lake, ledger, and a device in service."""
    settings = Settings(home=home)
    migrate(settings)
    upgrade(settings)
    inventory.enrol(settings, "d", farm_id="f", url="https://d:1", timezone="UTC", token="x" * 32)
    return settings


def foreign_files(home: Path) -> None:
    home.mkdir()
    (home / "thesis.txt").write_text("four years")


def a_farm(home: Path) -> None:
    settled(home)


def a_farm_without_its_lake(home: Path) -> None:
    settled(home)
    shutil.rmtree(home / "lake")


def a_farm_with_an_older_ledger(home: Path) -> None:
    engine = sa.create_engine(settled(home).ledger_database_url)
    with engine.begin() as ledger:
        ledger.execute(sa.text("UPDATE alembic_version SET version_num = 'v0000'"))
    engine.dispose()


def a_farm_with_a_damaged_catalog(home: Path) -> None:
    settled(home)
    (home / "lake" / "catalog.sqlite").write_bytes(b"not a database")


def a_farm_where_a_demo_was_tried(home: Path) -> None:
    settled(home)
    (home / "demo" / "logs").mkdir(parents=True)


def a_demo_of_another_layout(home: Path) -> None:
    home.mkdir()
    (home / MARKER).write_text("Layout 0.")
    (home / "herd.duckdb").touch()


def a_published_herd(home: Path) -> None:
    home.mkdir()
    duckdb.connect(str(home / "herd.duckdb")).close()


NOT_THE_DEMOS = [
    foreign_files,
    a_farm,
    a_farm_without_its_lake,
    a_farm_with_an_older_ledger,
    a_farm_with_a_damaged_catalog,
    a_farm_where_a_demo_was_tried,
    a_demo_of_another_layout,
    a_published_herd,
]


@pytest.mark.parametrize("fresh", [False, True], ids=["", "fresh"])
@pytest.mark.parametrize("make", NOT_THE_DEMOS, ids=lambda make: make.__name__)
def test_a_home_that_is_not_the_demos_is_refused_and_left_as_it_is(make: object, fresh: bool, tmp_path: Path) -> None:
    home = tmp_path / "home"
    make(home)  # type: ignore[operator]
    before = content(home)
    for _ in range(2):  # a refusal does not open the door for the next try
        with (
            pytest.raises(ConfigurationError, match="holds something that is not the demo's"),
            guarded(Settings(home=home), fresh=fresh),
        ):
            pytest.fail("entered")
    assert content(home) == before


def test_a_home_that_is_not_there_or_empty_is_taken_and_stays_the_demos(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for settings in (Settings(home=tmp_path / "below" / "new"), Settings(home=tmp_path / "empty")):
        for _ in range(2):
            with guarded(settings, fresh=False):
                (settings.home / "herd.duckdb").touch()
        assert {path.name for path in settings.home.iterdir()} == {MARKER, "herd.duckdb"}


@pytest.mark.parametrize(
    "store", [{"catalog": "postgres:dbname=herd"}, {"data_path": "s3://herd"}, {"ledger_url": "sqlite:////tmp/x"}]
)
def test_stores_of_a_real_farm_are_refused(tmp_path: Path, store: dict[str, str]) -> None:
    with (
        pytest.raises(ConfigurationError, match="simulated animals"),
        guarded(Settings(home=tmp_path / "home", **store), fresh=False),
    ):
        pytest.fail("entered")
    assert not (tmp_path / "home").exists()


def test_fresh_forgets_what_demos_make_and_nothing_else(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    place = Place(settings)
    with guarded(settings, fresh=False):
        settled(settings.home)
        place.root.mkdir()
        place.done.write_text("[]")
        for file in (settings.published, settings.alerts, settings.home / "thesis.txt"):
            file.write_text("old")
        outside = tmp_path / "disk"
        outside.mkdir()
        (outside / "clip.mp4").touch()
        settings.footage.symlink_to(outside)
    with guarded(settings, fresh=True):
        assert {path.name for path in settings.home.iterdir()} == {MARKER, "thesis.txt"}
    assert (outside / "clip.mp4").exists(), "a link goes, not what it leads to"


def test_one_demo_at_a_time(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with (
        guarded(settings, fresh=False),
        pytest.raises(StorageError, match="another demo runs"),
        guarded(settings, fresh=True),
    ):
        pytest.fail("entered")
