"""A restored home answers as the old one did, and the next night works on it. Nothing is ever overwritten."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from herdbook import night
from herdbook.backup import restore as restore_module
from herdbook.backup import tree as tree_module
from herdbook.backup.installation import backups
from herdbook.backup.manifest import MANIFEST, read_manifest, read_sums, write_sums
from herdbook.backup.restore import restore
from herdbook.backup.write import backup
from herdbook.errors import BackupDamagedError, BackupUnusableError, NotFoundError, RestoreRefusedError, StorageError
from herdbook.lake.attach import kept_open, open_lake
from herdbook.lake.migrate import LAKE_VERSION, migrate
from herdbook.lake.pins import pin, pinned_snapshot
from herdbook.lake.restoring import unfinished
from herdbook.lake.rows import insert_rows
from herdbook.lake.transaction import write
from herdbook.ledger.migrate import upgrade
from herdbook.ledger.models import Device
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.device_day import land, write_device_day
from support.lake_home import SPEC, fill_lake, load_day

_TABLES = """
SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'lake'
UNION VALUES ('animal_timeline'), ('animal_visit'), ('animal_day_movement'), ('embedding'), ('device_day')
"""
_EVERYTHING = """
SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'lake'
UNION SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE database_name = 'lake' AND NOT internal
"""


def answers(
    settings: Settings, relations: str = _TABLES, snapshot: int | None = None
) -> dict[str, tuple[int, int, int]]:
    """Tables and views of the lake, each with the number of its rows and digests of all their values."""
    with open_lake(settings, read_only=True, snapshot=snapshot) as lake:
        lake.execute("SET threads = 1")  # sums of floats depend on the order
        digest = "SELECT count(*), bit_xor(hash(row)), sum(hash(row)::HUGEINT) FROM"
        names = [name for (name,) in lake.execute(relations).fetchall()]
        return {name: lake.execute(f"{digest} {name} AS row").fetchone() for name in names}


def enrol(settings: Settings) -> None:
    """A ledger with one device."""
    upgrade(settings)
    with ledger_session(settings) as session:
        session.add(Device(device_id="barn-a-1", farm_id="f", url="http://x", timezone="UTC"))


def devices(settings: Settings) -> list[str]:
    with ledger_session(settings) as session:
        return [device.device_id for device in session.query(Device)]


@pytest.fixture(scope="module")
def old(filled_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A home with two days, a device and a backup; not to be written to."""
    home = tmp_path_factory.mktemp("old") / "home"
    shutil.copytree(filled_home, home)
    settings = Settings(home=home)
    with kept_open():
        enrol(settings)
        backup(settings)
        yield settings


@pytest.fixture
def folder(old: Settings, tmp_path: Path) -> Path:
    """Its backup, to be damaged."""
    return Path(shutil.copytree(backups(old)[0], tmp_path / "backup"))


@pytest.fixture
def new(tmp_path: Path) -> Settings:
    """An empty machine."""
    return Settings(home=tmp_path / "new" / "home")


def test_the_restored_home_has_every_row(old: Settings, new: Settings) -> None:
    restored = restore(new, backups(old)[0])
    assert (restored.from_lake_version, restored.lake_version) == (LAKE_VERSION, LAKE_VERSION)
    before = answers(old)
    assert sum(rows for rows, *_ in before.values()) > 300
    assert answers(new) == before
    assert devices(new) == ["barn-a-1"]


@pytest.mark.slow
def test_it_answers_every_query_as_before_also_of_an_older_snapshot(filled: Settings, new: Settings) -> None:
    pin(filled, "study")
    load_day(filled, replace(SPEC, revision=2, animals=5))
    before = answers(filled, _EVERYTHING)
    at_pin = answers(filled, snapshot=pinned_snapshot(filled, "study"))
    folder = backup(filled)
    shutil.rmtree(filled.lake_data_path)
    restore(new, folder)
    assert len(before) > 60
    assert answers(new, _EVERYTHING) == before
    assert answers(new, snapshot=pinned_snapshot(new, "study")) == at_pin != answers(new)


@pytest.mark.slow
def test_the_next_night_works_on_it(filled: Settings, new: Settings, tmp_path: Path) -> None:
    """Also with a day that had landed and was not loaded when the backup was made: its device may have freed it."""
    enrol(filled)
    waiting, after = (replace(SPEC, day=SPEC.day + timedelta(n)) for n in (2, 3))
    land(filled.landing, write_device_day(tmp_path / "device", waiting))
    restore(new, backup(filled))
    land(new.landing, write_device_day(tmp_path / "device", after))
    done = night.load_herd(new)
    done.raise_errors()
    assert {loaded.day for loaded in done.loads} >= {waiting.day, after.day}
    with open_lake(new, read_only=True) as lake:
        assert lake.execute("SELECT count(*) FROM device_day").fetchone() == (4,)
    assert new.published.is_file()


@pytest.mark.slow
def test_a_postgres_home_comes_back_into_other_databases(
    tmp_path: Path, postgres_programs: None, new_postgres_dsn: Callable[[], str]
) -> None:
    def home(name: str) -> Settings:
        dsns = [new_postgres_dsn() for _ in range(2)]
        host, user, database = (part.split("=")[1] for part in dsns[1].split())
        url = f"postgresql+psycopg2://{user}@/{database}?host={host}"
        return Settings(home=tmp_path / name, catalog=f"postgres:{dsns[0]}", ledger_url=url)

    old, new = home("old"), home("new")
    with kept_open():
        migrate(old)
        fill_lake(old, 1)
        enrol(old)
        before, folder = answers(old), backup(old)
        restore(new, folder)
        assert answers(new) == before
        assert devices(new) == ["barn-a-1"]
        load_day(new, replace(SPEC, day=SPEC.day + timedelta(9)))
        with pytest.raises(RestoreRefusedError, match="a catalog already"):
            restore(new.model_copy(update={"home": tmp_path / "third"}), folder)
        other = Settings(home=tmp_path / "fourth")
        with pytest.raises(BackupUnusableError, match="of postgres, this home's of sqlite"):
            restore(other, folder)


def test_what_is_there_is_not_overwritten(folder: Path, new: Settings) -> None:
    for there in ("lake/catalog.sqlite", "ledger.sqlite", "registry/golden/a", "landing/d/x", "inbox/f"):
        (new.home / there).parent.mkdir(parents=True)
        (new.home / there).write_text("mine")
        with pytest.raises(RestoreRefusedError, match="already"):
            restore(new, folder)
        assert [p.read_text() for p in new.home.rglob("*") if p.is_file() and p.stat().st_size] == ["mine"]
        shutil.rmtree(new.home)


def test_keys_and_tokens_may_be_back_before(old: Settings, folder: Path, new: Settings) -> None:
    for made in (new.landing, new.footage, new.quarantine, new.backups, new.secrets):
        made.mkdir(parents=True)
    (new.secrets / "token").write_text("hush")
    restore(new, folder)
    assert (new.secrets / "token").read_text() == "hush"
    assert devices(new) == ["barn-a-1"]


def test_a_damaged_backup_touches_nothing(folder: Path, new: Settings) -> None:
    def elsewhere(path: Path) -> None:
        path.unlink()
        path.symlink_to("/etc/hostname")

    for what in ("catalog.sqlite", "data/**/*.parquet", "SHA256SUMS"):
        path = next(folder.glob(what))
        content = path.read_bytes()
        for damage in (lambda p: p.write_bytes(p.read_bytes()[:-1] + b"!"), Path.unlink, elsewhere):
            damage(path)
            with pytest.raises(BackupDamagedError):
                restore(new, folder)
            path.unlink(missing_ok=True)
            path.write_bytes(content)
    assert not new.home.exists()


@pytest.mark.parametrize("name", ["../../outside", "/tmp/outside"])
def test_a_backup_that_names_files_elsewhere_is_refused(folder: Path, new: Settings, name: str) -> None:
    digest = write_sums(folder, read_sums(folder) | {name: "0" * 64})
    manifest = read_manifest(folder).model_copy(update={"sums": digest})
    (folder / MANIFEST).write_text(manifest.model_dump_json())
    with pytest.raises(BackupDamagedError, match="not below"):
        restore(new, folder)


def test_what_is_no_backup_is_said(tmp_path: Path, new: Settings, folder: Path) -> None:
    with pytest.raises(NotFoundError, match="no backup"):
        restore(new, tmp_path / "nothing")
    with pytest.raises(BackupUnusableError, match=r"no manifest\.json"):
        restore(new, tmp_path)
    manifest = folder / MANIFEST
    manifest.write_text(manifest.read_text().replace(f'"lake_version": {LAKE_VERSION}', '"lake_version": 99'))
    with pytest.raises(BackupUnusableError, match="version 99"):
        restore(new, folder)
    manifest.write_text("{}")
    with pytest.raises(BackupUnusableError, match="cannot be read"):
        restore(new, folder)


def interrupted(settings: Settings, folder: Path, where: Any, step: str, calls: int) -> None:
    """A restore whose power goes at one of its steps, after some calls of it."""
    whole, left = getattr(where, step), [calls]

    def until_the_power_goes(*told: object, **more: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return whole(*told, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, step, until_the_power_goes)
        with pytest.raises(KeyboardInterrupt):
            restore(settings, folder)


@pytest.mark.parametrize(("step", "calls"), [("put", 3), ("put_back", 1), ("migrate", 0), ("upgrade", 0)])
def test_interrupted_it_is_run_again(old: Settings, folder: Path, new: Settings, step: str, calls: int) -> None:
    """By the same backup alone: another one would overwrite what is there."""
    where = tree_module.Tree if step == "put" else restore_module
    interrupted(new, folder, where, step, calls)
    assert unfinished(new)
    another = shutil.copytree(folder, folder.with_name("another"))
    manifest = read_manifest(another)
    (another / MANIFEST).write_text(manifest.model_copy(update={"herdbook": "0.0.9"}).model_dump_json())
    with pytest.raises(RestoreRefusedError, match="already"):
        restore(new, another)
    restore(new, folder)
    assert unfinished(new) is None
    assert answers(new) == answers(old)


def test_nobody_writes_before_the_stores_are_back(folder: Path, new: Settings) -> None:
    """What they wrote, the repeat would overwrite."""
    interrupted(new, folder, restore_module, "put_back", 1)
    for writer in (migrate, backup, lambda home: load_day(home, replace(SPEC, revision=2))):
        with pytest.raises(StorageError, match="restore was interrupted") as refused:
            writer(new)
        assert "same `herdbook restore` again" in refused.value.remedy
    restore(new, folder)
    load_day(new, replace(SPEC, revision=3))


def test_what_is_written_once_the_stores_are_back_stays(old: Settings, folder: Path, new: Settings) -> None:
    """The night goes on after an interruption, and the repeat that the doctor advises takes nothing of it."""
    interrupted(new, folder, restore_module, "upgrade", 0)
    load_day(new, replace(SPEC, day=SPEC.day + timedelta(9)))
    with ledger_session(new) as session:
        session.add(Device(device_id="barn-a-2", farm_id="f", url="http://x", timezone="UTC"))
    (new.inbox / "dropped").parent.mkdir(parents=True, exist_ok=True)
    (new.inbox / "dropped").write_text("mine")
    newer = answers(new)
    restore(new, folder)
    assert answers(new) == newer != answers(old)
    assert devices(new) == ["barn-a-1", "barn-a-2"]
    assert (new.inbox / "dropped").read_text() == "mine"
    assert unfinished(new) is None


def test_an_older_lake_and_ledger_are_brought_up_to_date(filled: Settings, new: Settings) -> None:
    """The way of an upgrade on a new machine; the other way is refused."""
    enrol(filled)
    older = {"version": 6, "digest": "", "herdbook_version": "0", "migrated_at": datetime(2100, 1, 1, tzinfo=UTC)}

    def age(lake: duckdb.DuckDBPyConnection) -> None:
        for table in ("identity.operation", "identity.decision"):
            lake.execute(f"DROP TABLE {table}")
        insert_rows(lake, "meta.version", [older])

    write(filled, age)
    with closing(sqlite3.connect(filled.home / "ledger.sqlite")) as ledger, ledger:
        for column in ("missed_at", "failed_at"):
            ledger.execute(f"ALTER TABLE rollout_device DROP COLUMN {column}")
        ledger.execute("UPDATE alembic_version SET version_num = '0005'")
    folder = backup(filled)
    restored = restore(new, folder)
    assert (restored.from_lake_version, restored.lake_version) == (6, LAKE_VERSION)
    with open_lake(new, read_only=True) as lake:
        assert lake.execute("SELECT count(*) FROM identity.operation").fetchone() == (0,)
        assert lake.execute("SELECT count(*) FROM device_day").fetchone() == (2,)
    assert devices(new) == ["barn-a-1"]
