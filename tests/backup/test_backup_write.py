"""A backup is the lake of one moment, complete under its name or not there, and can be read as a lake."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from herdbook.backup import databases as databases_module
from herdbook.backup import tree as tree_module
from herdbook.backup import write as write_module
from herdbook.backup.installation import backups, installation, known
from herdbook.backup.manifest import MANIFEST, listed, read_manifest, read_sums
from herdbook.backup.restore import restore
from herdbook.backup.write import backup
from herdbook.errors import BackupUnusableError, LakeBusyError, MissingDependencyError, StorageError
from herdbook.lake.attach import open_lake
from herdbook.lake.maintenance import compact, delete_superseded
from herdbook.lake.migrate import migrate
from herdbook.lake.pins import pin
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
    link = tree_module._link

    def publish_then_link(source: Path, target: Path) -> bool:
        done = link(source, target)
        if source.name == "timestamp.json" and not (metadata / "2.snapshot.json").exists():
            (metadata / "2.snapshot.json").write_bytes(b"two")
            (metadata / "new").write_bytes(b"names 2")
            (metadata / "new").rename(metadata / "timestamp.json")
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree_module, "_link", publish_then_link)
        copy = backup(filled) / "releases" / metadata.relative_to(filled.releases)
    assert (copy / "timestamp.json").read_bytes() == b"names 1"
    assert (copy / "1.snapshot.json").read_bytes() == b"one"
    assert (metadata / "timestamp.json").read_bytes() == b"names 2"


def test_no_key_and_no_token_is_in_it(filled: Settings) -> None:
    (filled.home / "secrets").mkdir(exist_ok=True)
    (filled.home / "secrets" / "token").write_text("hush")
    names = {path.name for path in backup(filled).rglob("*")}
    assert "token" not in names


def test_nobody_else_may_read_it(filled: Settings) -> None:
    """Of a folder that others may not enter they read nothing; linked files keep the modes that the home gave them."""
    mask = os.umask(0o022)
    try:
        folder = backup(filled)
    finally:
        os.umask(mask)
    ours = (folder, folder / "catalog.sqlite", folder / MANIFEST)
    assert [stat.S_IMODE(path.stat().st_mode) for path in ours] == [0o700, 0o600, 0o600]


def test_what_a_backup_lacks_is_said_with_what_to_do(filled: Settings) -> None:
    lacks = read_manifest(backup(filled)).not_here
    assert set(lacks) == {"secrets", "footage", "airflow"}
    assert "airflow connections export" in lacks["airflow"]


def test_where_links_are_not_possible_files_are_copied(filled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(tree_module.errno.EXDEV, "other disk")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert counts(as_lake(backup(filled))) == counts(filled)


@pytest.mark.usefixtures("postgres_programs")
def test_a_file_that_goes_while_it_is_copied_belongs_to_nobody(
    any_lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load that is rolled back removes its files, on PostgreSQL also while a backup runs."""
    fill_lake(any_lake, 1)
    before = counts(any_lake)
    doomed = Path(any_lake.lake_data_path, "record", "bout", "doomed.parquet")
    doomed.write_bytes(b"of no commit")
    link = tree_module._link

    def roll_back_then_link(source: Path, target: Path) -> bool:
        doomed.unlink(missing_ok=True)
        return link(source, target)

    monkeypatch.setattr(tree_module, "_link", roll_back_then_link)
    folder = backup(any_lake)
    assert not list(folder.rglob("doomed.parquet"))
    if any_lake.lake_catalog.startswith("sqlite:"):
        assert counts(as_lake(folder)) == before


@pytest.mark.usefixtures("postgres_programs")
def test_others_write_while_the_bulk_is_copied_but_not_while_the_catalog_is(
    any_lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_lake(any_lake, 1)
    impatient = any_lake.model_copy(update={"lake_wait_s": 0.3})
    keep, copy_out, tried, loaded = tree_module.Tree.keep, write_module.copy_out, [], []

    def write_meanwhile(tree: tree_module.Tree, *told: Any) -> None:
        keep(tree, *told)
        if tree.name == "data" and not loaded:
            load_day(impatient, replace(SPEC, revision=2, animals=4))
            delete_superseded(impatient)
            compact(impatient)
            loaded.append(counts(any_lake))

    def clean_up_meanwhile(database: databases_module.Database, target: Path) -> bool:
        if target.name.startswith("catalog"):
            with pytest.raises(LakeBusyError):
                compact(impatient)
            tried.append(target)
        return copy_out(database, target)

    monkeypatch.setattr(tree_module.Tree, "keep", write_meanwhile)
    monkeypatch.setattr(write_module, "copy_out", clean_up_meanwhile)
    folder = backup(any_lake)
    assert tried
    if any_lake.lake_catalog.startswith("sqlite:"):
        assert counts(as_lake(folder)) == loaded[0]


def test_the_last_few_are_kept(filled: Settings) -> None:
    made = [backup(filled, keep=2) for _ in range(3)]
    assert backups(filled) == made[1:]


def test_homes_that_share_a_folder_leave_each_others_backups(filled: Settings, tmp_path: Path) -> None:
    """Also those that were made before homes had names."""
    shared = tmp_path / "disk"
    other, again = Settings(home=tmp_path / "other"), Settings(home=tmp_path / "again")
    migrate(other)
    nameless = backup(filled, to=shared)
    manifest = read_manifest(nameless).model_copy(update={"installation": None})
    (nameless / MANIFEST).write_text(manifest.model_dump_json())
    theirs = backup(other, to=shared)
    last = [backup(filled, to=shared, keep=1) for _ in range(2)][-1]
    assert backups(filled, shared) == [last]
    assert backups(other, shared) == [theirs]
    assert [row["ours"] for row in listed(shared, known(filled))] == [False, False, True]
    restore(again, last)
    restored = backup(again, to=shared, keep=1)
    assert backups(filled, shared) == [restored], "a restored home is the same one"
    assert theirs.is_dir()
    restore(Settings(home=tmp_path / "old"), nameless)
    assert installation(Settings(home=tmp_path / "old")) != installation(filled)


def test_what_was_left_half_done_is_cleared_away(filled: Settings) -> None:
    half = filled.backups / ".20200101T000000Z.part"
    half.mkdir(parents=True)
    (half / "catalog.sqlite").write_text("half")
    assert backups(filled) == []
    folder = backup(filled)
    assert [path for path in filled.backups.iterdir() if path.is_dir()] == [folder]


def test_a_catalog_that_cannot_be_copied_leaves_the_older_backups(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = backup(filled)
    Path(filled.lake_catalog.removeprefix("sqlite:")).write_bytes(b"scrambled" * 1000)
    with pytest.raises(StorageError, match=r"catalog\.sqlite cannot be opened"):
        backup(filled, keep=1)
    assert backups(filled) == [good]


@pytest.mark.usefixtures("postgres_programs")
def test_a_lake_that_lacks_a_file_leaves_the_older_backups(any_lake: Settings) -> None:
    """Also one that only an older snapshot shows, and one of half its bytes."""
    fill_lake(any_lake, 1)
    pin(any_lake, "study")
    load_day(any_lake, replace(SPEC, revision=2, animals=4))
    delete_superseded(any_lake)
    good = backup(any_lake)
    bouts = sorted((good / "data" / "record" / "bout").iterdir())  # the oldest first
    assert len(bouts) > 1
    for kept_file in (bouts[0], bouts[-1]):
        gone = Path(any_lake.lake_data_path) / kept_file.relative_to(good / "data")
        content = gone.read_bytes()
        gone.unlink()
        with pytest.raises(StorageError, match=f"gone or torn.*{gone.name}"):
            backup(any_lake, keep=1)
        gone.write_bytes(content[: len(content) // 2])
        with pytest.raises(StorageError, match="1 of the lake's"):
            backup(any_lake, keep=1)
        gone.unlink()
        gone.hardlink_to(kept_file)
    shutil.move(any_lake.lake_data_path, any_lake.home / "aside")
    with pytest.raises(StorageError):
        backup(any_lake, keep=1)
    assert backups(any_lake) == [good]
    assert [path for path in any_lake.backups.iterdir() if path.is_dir()] == [good]


def test_a_folder_that_cannot_be_listed_is_no_empty_one(filled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = filled.inbox / "closed"
    closed.mkdir(parents=True)
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if path == str(closed):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)  # these tests may run as a user who may list everything
    with pytest.raises(StorageError, match="closed cannot be listed"):
        backup(filled)


@pytest.mark.usefixtures("postgres_programs")
def test_databases_of_postgres_are_dumped_and_one_only_once(tmp_path: Path, postgres_dsn: str) -> None:
    parts = dict(part.split("=") for part in postgres_dsn.split())
    url = f"postgresql+psycopg2://{parts['user']}:hush@/{parts['dbname']}?host={parts['host']}"
    settings = Settings(home=tmp_path, catalog=f"postgres:{postgres_dsn}", ledger_url=url)
    migrate(settings)
    upgrade(settings)
    folder = backup(settings)
    kept = read_manifest(folder).databases
    assert kept["catalog"] == kept["ledger"]
    assert (folder / kept["catalog"].file).read_bytes().startswith(b"PGDMP")


def test_files_that_only_a_server_knows_of_are_said_to_be_missing(settings: Settings, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'mlflow.sqlite'}"
    behind = settings.model_copy(update={"mlflow_uri": "http://mlflow:5000", "mlflow_store": store})
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "model.onnx").write_text("one")
    manifest = read_manifest(backup(behind))
    assert "HERDBOOK_MLFLOW_ARTIFACTS" in manifest.not_here["artifacts"]
    assert "artifacts" not in manifest.trees
    folder = backup(told := behind.model_copy(update={"mlflow_artifacts": str(tmp_path / "server")}))
    assert "artifacts" not in read_manifest(folder).not_here
    assert (folder / "artifacts" / "model.onnx").read_text() == "one"
    elsewhere = {"home": tmp_path / "new", "mlflow_store": f"sqlite:///{tmp_path / 'new.sqlite'}"}
    with pytest.raises(BackupUnusableError, match="does not say where it keeps artifacts"):
        restore(behind.model_copy(update=elsewhere), folder)
    restore(told.model_copy(update=elsewhere | {"mlflow_artifacts": str(tmp_path / "there")}), folder)
    assert (tmp_path / "there" / "model.onnx").read_text() == "one"


def test_no_password_is_seen_on_the_command_line_of_a_dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What anybody may read in the list of processes."""
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\necho "$@" > "$0.args"; env > "$0.env"; cat "$PGPASSFILE" > "$0.pass"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    url = "postgresql://herd:ge%3Aheim@db.example:5433/herd"
    databases_module._postgres("pg_dump", url, ["--format=custom"])
    assert "heim" not in (tmp_path / "pg_dump.args").read_text() + (tmp_path / "pg_dump.env").read_text()
    assert "port=5433" in (tmp_path / "pg_dump.args").read_text()
    assert (tmp_path / "pg_dump.pass").read_text() == "*:*:*:*:ge\\:heim\n"


def test_without_postgres_programs_it_says_what_to_install(
    tmp_path: Path, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, catalog=f"postgres:{postgres_dsn}")
    migrate(settings)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="pg_dump"):
        backup(settings)
    assert not list(settings.backups.glob(".*.part"))


def test_every_file_has_its_sum_and_coreutils_agree(filled: Settings) -> None:
    folder = backup(filled)
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(read_sums(folder)) == there - {"manifest.json", "SHA256SUMS"}
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=False)
    assert done.returncode == 0


def test_the_next_backup_on_another_disk_costs_what_is_new(
    filled: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hardlink = Path.hardlink_to

    def not_across(target: Path, source: Path) -> None:
        if not source.is_relative_to(tmp_path / "disk"):
            raise OSError(tree_module.errno.EXDEV, "other disk")
        hardlink(target, source)

    monkeypatch.setattr(Path, "hardlink_to", not_across)
    (filled.registry / "artifacts").mkdir(parents=True)
    (filled.registry / "artifacts" / "weights").write_text("one")
    first = backup(filled, to=tmp_path / "disk")
    load_day(filled, replace(SPEC, revision=2, animals=5))
    (filled.registry / "artifacts" / "weights").write_text("two")  # written over: MLflow does that
    second = backup(filled, to=tmp_path / "disk")
    shared = {p.relative_to(second) for p in (second / "data").rglob("*.parquet") if p.stat().st_nlink == 2}
    assert shared == {p.relative_to(first) for p in (first / "data").rglob("*.parquet")}
    assert [(f / "artifacts" / "weights").read_text() for f in (first, second)] == ["one", "two"]
    assert read_sums(second).items() >= {n: s for n, s in read_sums(first).items() if n.startswith("data/")}.items()
