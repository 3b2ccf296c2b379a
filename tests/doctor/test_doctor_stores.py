"""The doctor's remedies lead somewhere."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from herdbook.backup.write import backup
from herdbook.doctor import Finding, Verdict, examine
from herdbook.lake.migrate import migrate
from herdbook.ledger.migrate import upgrade
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
