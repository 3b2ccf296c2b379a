"""``herdbook fleet release``, without a network to release."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from herdbook.cli import app
from herdbook.errors import InputError
from herdbook.settings import get_settings

pytest.importorskip("torch", reason="releases need the extra 'learning'")


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    monkeypatch.setenv("HERDBOOK_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    yield lambda *told: CliRunner().invoke(app, ["fleet", "release", *told], catch_exceptions=False)
    get_settings.cache_clear()


def test_motion_is_made_and_not_published_where_nobody_wants_that(release: Callable[..., Result]) -> None:
    done = release("motion", "--no-publish", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["published"] is False
    assert Path(said["folder"]).name == said["release"]["use"]["release_id"]
    again = json.loads(release("motion", "--no-publish", "--json").stdout)
    assert again == said


def test_a_dry_run_makes_nothing(release: Callable[..., Result], tmp_path: Path) -> None:
    assert release("motion", "--dry-run").exit_code == 0
    assert not (tmp_path / "home" / "releases").exists()


def test_what_names_no_version_is_one_clear_error(release: Callable[..., Result]) -> None:
    with pytest.raises(InputError, match="names no version"):
        release("herdbook-small@champion")
