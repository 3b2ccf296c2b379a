"""The doctor's remedies lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

import pytest

from herdbook.backup.write import backup
from herdbook.doctor import Finding, Verdict, examine
from herdbook.lake.attach import open_lake
from herdbook.lake.migrate import migrate
from herdbook.ledger.migrate import upgrade
from herdbook.overview.worries import Cause, worries
from herdbook.settings import Settings

STORES = [("lake", "lake/catalog.sqlite"), ("ledger", "ledger.sqlite")]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path)
    migrate(settings)
    upgrade(settings)
    return settings


def found(settings: Settings, name: str) -> Finding:
    return next(finding for finding in examine(settings) if finding.name == name)


def damage(file: Path) -> None:
    for path in file.parent.glob(f"{file.name}*"):
        path.write_bytes(b"no database at all")


@pytest.mark.parametrize(("name", "file"), STORES)
def test_a_damaged_store_is_restored_by_following_the_doctor(settings: Settings, name: str, file: str) -> None:
    backup(settings)
    damage(settings.home / file)
    finding = found(settings, name)
    assert finding.verdict is Verdict.FAIL
    assert "doctor" not in finding.remedy, "we are there already"
    steps = re.search(r"move (\S+)\* aside, copy (\S+) to (\S+),", finding.remedy)
    assert steps, finding.remedy
    aside, kept, target = map(Path, steps.groups())
    for path in aside.parent.glob(f"{aside.name}*"):
        path.rename(path.with_name(f"damaged-{path.name}"))
    shutil.copy(kept, target)
    assert found(settings, name).verdict is Verdict.OK


@pytest.mark.parametrize(("name", "file"), STORES)
def test_without_a_backup_it_says_so(settings: Settings, name: str, file: str) -> None:
    damage(settings.home / file)
    assert "No backup" in found(settings, name).remedy


@pytest.mark.parametrize(
    ("name", "store"),
    [
        ("lake", {"catalog": "postgres:host=127.0.0.1 port=9 dbname=herd"}),
        ("ledger", {"ledger_url": "postgresql+psycopg2://127.0.0.1:9/herd"}),
    ],
)
def test_a_database_that_does_not_answer_is_not_restored(tmp_path: Path, name: str, store: dict[str, str]) -> None:
    assert "PostgreSQL runs" in found(Settings(home=tmp_path, lake_wait_s=0.1, **store), name).remedy


@pytest.mark.parametrize(("change", "said"), [(-1, "this Herdbook needs"), (5, "Install a newer Herdbook")])
def test_a_lake_of_another_version_is_not_well(settings: Settings, change: int, said: str) -> None:
    with open_lake(settings) as lake:
        lake.execute("UPDATE meta.version SET version = version + ?", [change])
    finding = found(settings, "lake")
    assert finding.verdict is Verdict.FAIL
    assert said in finding.detail + finding.remedy


def test_a_backup_disk_that_is_not_mounted_is_told(settings: Settings, tmp_path: Path) -> None:
    away = settings.model_copy(update={"backup_folder": tmp_path / "unmounted"})
    assert found(away, "backups").verdict is Verdict.FAIL
    assert str(tmp_path / "unmounted") in worries(away)[Cause.DISK]


def test_the_latest_backups_age_is_told(settings: Settings) -> None:
    assert found(settings, "backups").verdict is Verdict.WARN
    made = backup(settings)
    assert found(settings, "backups").verdict is Verdict.OK
    old = time.time() - 5 * 86400
    os.utime(made, (old, old))
    finding = found(settings, "backups")
    assert finding.verdict is Verdict.WARN
    assert "5 days old" in finding.detail


def test_a_setting_that_no_library_understands_does_not_end_the_doctor(settings: Settings) -> None:
    wrong = settings.model_copy(update={"ledger_url": "postgresql://ledger@db:port/ledger"})
    findings = {finding.name: finding for finding in examine(wrong)}
    assert "port" in findings["postgresql"].detail
    assert findings["postgresql"].verdict is Verdict.FAIL
    assert "triton" in findings, "the other checkups go on"
