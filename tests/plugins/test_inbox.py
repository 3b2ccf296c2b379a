"""The drop folder: what waits in it, and where it goes."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

SHA256 = hashlib.sha256(b"x").hexdigest()
"""Of what `drop` writes."""


def drop(home: Path, name: str, *, folder: str = "labels", age_s: float = 3600) -> Path:
    path = home / "inbox" / folder / "vet" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def test_tables_wait_and_nothing_else_does(home: Path) -> None:
    from herdbook_airflow.inbox import waiting_files

    for name in ("b.xlsx", "a.CSV", "c.json", "mapping.yaml", "notes.txt", ".a.csv.part", "~$b.xlsx", ".hidden.csv"):
        drop(home, name)
    waiting = waiting_files(home / "inbox")
    found = [(w["source"], w["file"], w["format"]) for w in waiting]
    assert found == [("vet", "a.CSV", "csv"), ("vet", "b.xlsx", "xlsx"), ("vet", "c.json", "icar-ade")]
    assert waiting[0]["mapping"] == str(home / "inbox" / "labels" / "vet" / "mapping.yaml")


def test_readings_of_collars_have_a_folder_of_their_own(home: Path) -> None:
    from herdbook_airflow.inbox import waiting_files

    for name in ("a.csv", "b.xlsx", "c.json"):
        drop(home, name, folder="series")
    drop(home, "d.csv")
    found = [(w["command"], w["file"]) for w in waiting_files(home / "inbox")]
    assert found == [("import", "d.csv"), ("series", "a.csv"), ("series", "b.xlsx")]


def test_a_run_takes_as_many_as_airflow_can_spread_the_oldest_first(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from herdbook_airflow import inbox

    monkeypatch.setattr(inbox, "MOST", 2)
    for name, age_s in (("a.csv", 100), ("b.csv", 300), ("c.csv", 200)):
        drop(home, name, age_s=age_s)
    assert [w["file"] for w in inbox.waiting_files(home / "inbox")] == ["b.csv", "c.csv"]


def test_a_file_still_being_copied_waits(home: Path) -> None:
    from herdbook_airflow.inbox import waiting_files

    drop(home, "a.csv", age_s=5)
    assert waiting_files(home / "inbox") == []


def test_each_file_finds_its_mapping(home: Path) -> None:
    from herdbook_airflow.inbox import waiting_files

    for name in ("mapping.yaml", "weights.yaml", "weights-adult.yaml"):
        drop(home, name)
    for name in ("weights-2026-03.csv", "weights-adult-2026.csv", "weights.csv", "gait.csv"):
        drop(home, name)
    assert {w["file"]: Path(w["mapping"]).name for w in waiting_files(home / "inbox")} == {
        "weights-2026-03.csv": "weights.yaml",
        "weights-adult-2026.csv": "weights-adult.yaml",
        "weights.csv": "weights.yaml",
        "gait.csv": "mapping.yaml",
    }


def test_an_absent_inbox_is_empty(home: Path) -> None:
    from herdbook_airflow.inbox import waiting_files

    assert waiting_files(home / "nowhere") == []


def test_imported_files_are_kept_even_when_names_recur(home: Path) -> None:
    from herdbook_airflow.inbox import file_away, waiting_files

    kept = {file_away(drop(home, "a.csv"), SHA256) for _ in range(3)}
    assert len(kept) == 3
    assert all(path.parent.name == "done" and path.exists() for path in kept)
    assert waiting_files(home / "inbox") == []


def test_filing_away_again_changes_nothing(home: Path) -> None:
    from herdbook_airflow.inbox import file_away

    path = drop(home, "a.csv")
    assert file_away(path, SHA256) == file_away(path, SHA256)


def test_a_newer_export_that_came_meanwhile_waits_for_the_next_run(home: Path) -> None:
    from herdbook_airflow.inbox import file_away, waiting_files

    path = drop(home, "weights.csv")
    (first,) = waiting_files(home / "inbox")
    drop(home, "weights.csv").write_text("newer")
    assert file_away(path, first["sha256"]) == path
    os.utime(path, (time.time() - 3600,) * 2)
    (second,) = waiting_files(home / "inbox")
    done = file_away(path, second["sha256"])
    assert (done.parent.name, done.read_text()) == ("done", "newer")


def test_so_does_one_that_replaces_a_file_already_filed_away(home: Path) -> None:
    from herdbook_airflow.inbox import file_away

    path = drop(home, "weights.csv")
    file_away(path, SHA256)
    drop(home, "weights.csv").write_text("newer")
    assert file_away(path, SHA256) == path, "called again after an interruption"
    assert path.read_text() == "newer"
