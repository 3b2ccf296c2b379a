"""A backup is the lake of one moment, complete under its name or not there, and can be read as a lake."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from herdbook.errors import LakeBusyError, MissingDependencyError, StorageError
from herdbook.lake import backup as backup_module
from herdbook.lake.attach import open_lake
from herdbook.lake.backup import backup, backups
from herdbook.lake.maintenance import compact
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings
from support.lake_home import SPEC, fill_lake, load_day

COUNTS = "SELECT (SELECT count(*) FROM device_day), (SELECT count(*) FROM bout), (SELECT count(*) FROM embedding)"


def counts(settings: Settings) -> tuple[int, ...]:
    with open_lake(settings, read_only=True) as lake:
        return lake.execute(COUNTS).fetchone()


def as_lake(folder: Path) -> Settings:
    return Settings(home=folder, catalog=f"sqlite:{folder / 'catalog.sqlite'}", data_path=str(folder / "data"))


def test_it_reads_as_the_lake_of_that_moment(filled: Settings) -> None:
    before = counts(filled)
    folder = backup(filled)
    load_day(filled, replace(SPEC, revision=2, animals=5))
    shutil.rmtree(filled.lake_data_path)
    assert counts(as_lake(folder)) == before


def test_the_ledger_is_in_it(filled: Settings) -> None:
    upgrade(filled)
    with sqlite3.connect(backup(filled) / "ledger.sqlite") as ledger:
        assert ledger.execute("SELECT count(*) FROM device").fetchone() == (0,)


def test_data_files_are_linked_not_copied(filled: Settings) -> None:
    folder = backup(filled)
    names = list(Path(filled.lake_data_path).rglob("*.parquet"))
    assert names
    for path in names:
        copy = folder / "data" / path.relative_to(filled.lake_data_path)
        assert copy.stat().st_ino == path.stat().st_ino


def test_the_signed_repository_is_in_it_as_its_timestamp_says(filled: Settings) -> None:
    """What is published while a backup runs may be in it, but nothing names it."""
    metadata = filled.releases / "repository" / "metadata"
    metadata.mkdir(parents=True)
    (metadata / "1.snapshot.json").write_bytes(b"one")
    (metadata / "timestamp.json").write_bytes(b"names 1")
    link = backup_module._link

    def publish_then_link(source: Path, target: Path) -> None:
        link(source, target)
        if source.name == "timestamp.json" and not (metadata / "2.snapshot.json").exists():
            (metadata / "2.snapshot.json").write_bytes(b"two")
            (metadata / "new").write_bytes(b"names 2")
            (metadata / "new").rename(metadata / "timestamp.json")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backup_module, "_link", publish_then_link)
        copy = backup(filled) / "releases" / metadata.relative_to(filled.releases)
    assert (copy / "timestamp.json").read_bytes() == b"names 1"
    assert (copy / "1.snapshot.json").read_bytes() == b"one"
    assert (metadata / "timestamp.json").read_bytes() == b"names 2"


def test_no_key_and_no_token_is_in_it(filled: Settings) -> None:
    (filled.home / "secrets").mkdir(exist_ok=True)
    (filled.home / "secrets" / "token").write_text("hush")
    names = {path.name for path in backup(filled).rglob("*")}
    assert "token" not in names


def test_where_links_are_not_possible_files_are_copied(filled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(backup_module.errno.EXDEV, "other disk")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert counts(as_lake(backup(filled))) == counts(filled)


def test_a_file_that_goes_while_it_is_copied_belongs_to_nobody(
    any_lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load that is rolled back removes its files, on PostgreSQL also while a backup runs."""
    fill_lake(any_lake, 1)
    before = counts(any_lake)
    doomed = Path(any_lake.lake_data_path, "record", "bout", "doomed.parquet")
    doomed.write_bytes(b"of no commit")
    link = backup_module._link

    def roll_back_then_link(source: Path, target: Path) -> None:
        doomed.unlink(missing_ok=True)
        link(source, target)

    monkeypatch.setattr(backup_module, "_link", roll_back_then_link)
    monkeypatch.setattr(backup_module, "_dump_postgres", lambda _dsn, _target: None)
    folder = backup(any_lake)
    assert not list(folder.rglob("doomed.parquet"))
    if any_lake.lake_catalog.startswith("sqlite:"):
        assert counts(as_lake(folder)) == before


def test_nobody_cleans_up_while_a_backup_runs(any_lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_lake(any_lake, 1)
    impatient = any_lake.model_copy(update={"lake_wait_s": 0.3})

    def clean_up(_settings: Settings, _target: Path, _progress: object) -> None:
        with pytest.raises(LakeBusyError):
            compact(impatient)

    monkeypatch.setattr(backup_module, "_copy_data", clean_up)
    monkeypatch.setattr(backup_module, "_dump_postgres", lambda _dsn, _target: None)
    backup(any_lake)


def test_the_last_few_are_kept(filled: Settings) -> None:
    made = [backup(filled, keep=2) for _ in range(3)]
    assert backups(filled) == made[1:]


def test_what_was_left_half_done_is_cleared_away(filled: Settings) -> None:
    half = filled.backups / ".20200101T000000Z.part"
    half.mkdir(parents=True)
    (half / "catalog.sqlite").write_text("half")
    assert backups(filled) == []
    folder = backup(filled)
    assert sorted(filled.backups.iterdir()) == [folder]


def test_a_catalog_that_cannot_be_copied_leaves_the_older_backups(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = backup(filled)
    Path(filled.lake_catalog.removeprefix("sqlite:")).write_bytes(b"scrambled" * 1000)
    with pytest.raises(StorageError, match=r"catalog\.sqlite cannot be copied"):
        backup(filled, keep=1)
    assert backups(filled) == [good]


def test_a_postgres_catalog_is_dumped(
    tmp_path: Path, any_lake: Settings, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if not any_lake.lake_catalog.startswith("postgres:"):
        pytest.skip("the SQLite catalog is copied, not dumped")
    fill_lake(any_lake, 1)
    if shutil.which("pg_dump") is None:
        with pytest.raises(MissingDependencyError, match="pg_dump"):
            backup(any_lake)
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not found:
            pytest.skip("PostgreSQL's client programs are not installed")
        monkeypatch.setenv("PATH", str(found[-1]), prepend=":")
    folder = backup(any_lake)
    assert (folder / "catalog.dump").read_bytes().startswith(b"PGDMP")
