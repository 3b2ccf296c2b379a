"""From the command line: back up, list, verify, restore; and the doctor tells of a restore that did not end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from herdbook.backup.restore import Restored
from herdbook.cli import app
from herdbook.doctor import examine
from herdbook.lake.migrate import migrate
from herdbook.ledger.migrate import upgrade
from herdbook.settings import Settings, get_settings

run = CliRunner()


def herdbook(home: Path, *arguments: str) -> list[dict] | dict:
    done = run.invoke(app, [*arguments, "--json"], env={"HERDBOOK_HOME": str(home)}, catch_exceptions=False)
    get_settings.cache_clear()
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def _no_settings_of_others() -> None:
    get_settings.cache_clear()


def test_analysts_rights_are_to_be_given_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    restored = Restored(tmp_path, datetime.now(UTC), 1, 7, 7, 0)
    monkeypatch.setattr("herdbook.backup.restore.restore", lambda *_: restored)
    monkeypatch.setattr("herdbook.night.check_and_publish", lambda *_: tmp_path)
    told = {"HERDBOOK_HOME": str(tmp_path), "COLUMNS": "200"}
    for more, said in ({}, False), ({"HERDBOOK_CATALOG": "postgres:dbname=lake"}, True):
        done = run.invoke(app, ["restore", str(tmp_path)], env=told | more, catch_exceptions=False)
        get_settings.cache_clear()
        assert ("herdbook lake analysts ROLE --apply" in done.output) == said, done.output


def test_there_and_back(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    migrate(Settings(home=old))
    upgrade(Settings(home=old))
    folder = herdbook(old, "backup", "--to", str(tmp_path / "disk"))["backup"]
    (listed,) = herdbook(old, "backup", "--list", "--to", str(tmp_path / "disk"))
    assert listed["backup"] == folder
    assert herdbook(new, "restore", folder, "--verify")[0]["whole"]
    assert not new.exists()
    (restored,) = herdbook(new, "restore", folder)
    assert Path(restored["published"]).is_file()
    (new / ".restoring").write_text("0")
    home = next(finding for finding in examine(Settings(home=new)) if finding.name == "home")
    assert "herdbook restore" in home.remedy
