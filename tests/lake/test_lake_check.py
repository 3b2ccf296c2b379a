"""Checks run on the lake as it is; days that passed are not looked at again until they change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from herdbook.errors import ConfigurationError, NotInitialisedError, StorageError
from herdbook.lake import check as check_module
from herdbook.lake.check import CheckResult, Severity, all_checks, run_checks
from herdbook.lake.transaction import write
from herdbook.settings import Settings
from support.lake_home import SPEC, load_day

OVERLAP = (
    "UPDATE record.bout SET ended_at = ended_at + INTERVAL 1 SECOND"
    " WHERE load_id = (SELECT min(load_id) FROM record.bout)"
)


@pytest.fixture
def few_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three checks are enough to see how they are run."""
    names = {"record/bout.no_overlap", "record/tracklet.unique_id", "record/camera_setup.pen_on_roster"}
    chosen = tuple(check for check in all_checks() if check.name in names)
    monkeypatch.setattr(check_module, "all_checks", lambda: chosen)


def wrong(results: list[CheckResult]) -> dict[str, int]:
    return {result.name: result.rows for result in results if result.rows}


def test_a_sound_lake_passes_them_all(filled: Settings) -> None:
    results = run_checks(filled)
    assert len(results) == len(all_checks())
    assert wrong(results) == {}


def test_on_postgres_too(any_lake: Settings) -> None:
    load_day(any_lake)
    assert not any(result.failed for result in run_checks(any_lake, everything=True))


@pytest.mark.usefixtures("few_checks")
def test_a_failed_check_shows_its_rows(filled: Settings) -> None:
    write(filled, lambda lake: lake.execute(OVERLAP))
    results = run_checks(filled)
    found = next(result for result in results if result.rows)
    assert (found.name, found.severity, found.failed) == ("record/bout.no_overlap", Severity.FAIL, True)
    assert 0 < len(found.sample) <= 5 < found.rows
    assert found.sample[0].keys() == {"load_id", "tracklet_id", "started_at", "ended_at"}


@pytest.mark.usefixtures("few_checks")
def test_a_warning_is_no_failure(filled: Settings) -> None:
    write(filled, lambda lake: lake.execute("DELETE FROM roster.pen"))
    (found,) = [result for result in run_checks(filled) if result.rows]
    assert (found.name, found.severity, found.failed) == ("record/camera_setup.pen_on_roster", Severity.WARN, False)


@pytest.mark.usefixtures("few_checks")
def test_days_that_passed_are_not_looked_at_again_but_days_that_failed_are(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_hour_ago = "UPDATE record.device_day SET loaded_at = loaded_at - INTERVAL 2 HOUR"
    write(filled, lambda lake: lake.execute(an_hour_ago))
    write(filled, lambda lake: lake.execute("DELETE FROM identity.claim"))
    assert wrong(run_checks(filled)) == {}
    write(filled, lambda lake: lake.execute(OVERLAP))  # nobody does this: it shows that the day is left alone
    assert wrong(run_checks(filled)) == {}
    assert wrong(run_checks(filled, everything=True)).keys() == {"record/bout.no_overlap"}
    load_day(filled, replace(SPEC, revision=2))  # the day is loaded anew, and so is looked at
    write(filled, lambda lake: lake.execute(OVERLAP.replace("min(", "max(").replace("FROM record.bout)", "FROM bout)")))
    later = replace(SPEC, day=SPEC.day + timedelta(7))
    load_day(filled, later)
    for _ in range(2):
        assert wrong(run_checks(filled)).keys() == {"record/bout.no_overlap"}, "until it is right"


def test_a_check_that_cannot_run_is_named(filled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = check_module.Check("here/x.y", Severity.FAIL, "Nothing.", "SELECT nonsense")
    monkeypatch.setattr(check_module, "all_checks", lambda: (broken,))
    with pytest.raises(StorageError, match=r"here/x\.y"):
        run_checks(filled)


def test_without_a_lake_there_is_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(NotInitialisedError):
        run_checks(Settings(home=tmp_path))


@pytest.mark.parametrize(
    "text",
    ["SELECT 1;", "-- check: x severity: fail\nSELECT 1;", "-- check: x severity: fail\n-- Nothing.\n", ""],
    ids=["no head", "no meaning", "no query", "empty"],
)
def test_a_file_that_is_not_made_of_checks_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "g" / "t").mkdir(parents=True)
    (tmp_path / "g" / "t" / "checks.sql").write_text(text)
    monkeypatch.setattr(check_module, "sql_root", lambda: tmp_path)
    with pytest.raises(ConfigurationError, match=r"checks\.sql"):
        all_checks()
