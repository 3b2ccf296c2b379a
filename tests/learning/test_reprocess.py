"""Archived footage read by another release: beside what the device said, never in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from herdbook.cli import app
from herdbook.errors import ConfigurationError, IntegrityError, LakeBusyError, RecordValueError
from herdbook.lake.attach import open_lake
from herdbook.lake.check import run_checks
from herdbook.lake.maintenance import delete_superseded
from herdbook.lake.publish import publish
from herdbook.learning import reprocess
from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.evaluation.predictions import Engine
from herdbook.learning.reprocess import pending_days, reprocess_day
from herdbook.ledger.models import ClipState, FootageClip
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings

ENGINE = """
release: {release_id: motion-2, engine: motion, space_id: motion-appearance-2, dimensions: 96, ethogram_id: pig-9}
motion: {work_pixels: 8000}
"""


@pytest.fixture
def settings(archived: Settings) -> Settings:
    return archived


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "motion-2"
    folder.mkdir()
    (folder / "engine.yaml").write_text(ENGINE)
    return folder


@pytest.fixture
def engine(release: Path) -> Engine:
    return read_engine(release / "engine.yaml")


def ask(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with open_lake(settings, read_only=True) as lake:
        return lake.execute(query).fetchall()


def run(*arguments: object) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, [*(str(a) for a in arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


VIEWS = ("device_day", "tracklet", "bout", "embedding", "activity", "coverage", "model_release", "camera_setup")


def herd(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    return {view: ask(settings, f"FROM {view} ORDER BY ALL") for view in VIEWS}


def test_a_reading_stands_beside_the_devices_own_word(settings: Settings, release: Path) -> None:
    before = herd(settings)
    (planned,) = run("reprocess", "--release", release, "--plan")
    assert (planned["device_id"], planned["clips"], planned["seconds"]) == ("north-barn-1", 2, 6)
    assert ask(settings, "FROM reading") == []
    (done,) = run("reprocess", "--release", release)
    assert herd(settings) == before, "no view of the herd shows it"
    ((load_id, release_id, of, tracklets, clips),) = ask(
        settings, "SELECT load_id, release_id, of_load_id, tracklet_rows, len(clips) FROM reading"
    )
    assert (done["load_id"], done["tracklets"], done["clips"]) == (load_id, tracklets, clips)
    assert release_id == "motion-2"
    assert [of] == [row[0] for row in ask(settings, "SELECT load_id FROM device_day")]
    rows = ask(
        settings, "SELECT DISTINCT release_id, clip FROM record.tracklet JOIN reading USING (load_id, release_id)"
    )
    with ledger_session(settings) as session:
        names = {row.name for row in session.query(FootageClip)}
    assert rows
    assert {clip for _, clip in rows} <= names, "rows name the footage that they were made from"
    spoken = (
        "SELECT sum(epoch(ended_at - started_at)) FROM record.coverage JOIN reading USING (load_id) WHERE state = 'on'"
    )
    assert ask(settings, spoken)[0][0] == pytest.approx(6, abs=0.5)
    assert [result.name for result in run_checks(settings) if result.failed] == []
    assert not (settings.home / "readings" / "motion-2").exists()


def test_what_was_read_is_not_read_again(settings: Settings, engine: Engine) -> None:
    (day,) = pending_days(settings, engine)
    reprocess_day(settings, engine, day)
    assert pending_days(settings, engine) == []
    with ledger_session(settings) as session:
        first = session.query(FootageClip).order_by(FootageClip.name).first()
        assert first is not None
        first.state = ClipState.EXPIRED
    assert pending_days(settings, engine) == [], "footage that is gone is no news"


def test_more_footage_makes_a_new_reading_and_the_old_one_is_cleared_away(settings: Settings, engine: Engine) -> None:
    with ledger_session(settings) as session:
        late = session.query(FootageClip).order_by(FootageClip.name.desc()).first()
        assert late is not None
        late.state = ClipState.SKIPPED
    (day,) = pending_days(settings, engine)
    first = reprocess_day(settings, engine, day)
    with ledger_session(settings) as session:
        session.query(FootageClip).update({"state": ClipState.KEPT})
    (day,) = pending_days(settings, engine)
    second = reprocess_day(settings, engine, day)
    assert (first.clips, second.clips) == (1, 2)
    assert ask(settings, "SELECT load_id FROM reading") == [(second.load_id,)]
    before = herd(settings)
    assert delete_superseded(settings).loads == 1
    loads = {row[0] for row in ask(settings, "SELECT DISTINCT load_id FROM record.tracklet")}
    assert loads == {second.load_id, day.load_id}
    assert herd(settings) == before
    assert delete_superseded(settings).loads == 0


def test_damaged_footage_is_no_empty_pen(settings: Settings, engine: Engine) -> None:
    (day,) = pending_days(settings, engine)
    first, second = (clip.path for clip in day.clips)
    first.write_bytes(first.read_bytes()[:-100])
    with pytest.raises(IntegrityError, match=f"'{first.name}' of north-barn-1 2026-03-02 is no longer") as caught:
        reprocess_day(settings, engine, day)
    assert str(first) in caught.value.remedy
    assert ask(settings, "FROM reading") == []
    first.unlink()
    (day,) = pending_days(settings, engine)
    assert reprocess_day(settings, engine, day).clips == 1
    assert second.exists()


def test_a_name_stands_for_one_release(settings: Settings, engine: Engine, release: Path) -> None:
    (day,) = pending_days(settings, engine)
    reprocess_day(settings, engine, day)
    (release / "engine.yaml").write_text(ENGINE.replace("8000", "9000"))
    with pytest.raises(ConfigurationError, match="another release 'motion-2'"):
        pending_days(settings, read_engine(release / "engine.yaml"))
    (release / "engine.yaml").write_text(ENGINE.replace("motion-2, engine", "motion-1, engine"))
    with pytest.raises(ConfigurationError, match="another release 'motion-1'"):
        pending_days(settings, read_engine(release / "engine.yaml"))  # the device's own, of another space


def test_killed_before_the_load_it_is_not_recorded_again(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (day,) = pending_days(settings, engine)
    with monkeypatch.context() as broken:
        broken.setattr(reprocess, "load_reading", lambda *_: (_ for _ in ()).throw(LakeBusyError("busy")))
        with pytest.raises(LakeBusyError):
            reprocess_day(settings, engine, day)
    assert ask(settings, "FROM reading") == []
    states = []
    record = reprocess.record_day
    monkeypatch.setattr(
        reprocess, "record_day", lambda *a, **k: (issued := record(*a, **k), states.append(issued.state))[0]
    )
    assert reprocess_day(settings, engine, day).clips == 2
    assert states == ["unchanged"]


def test_rows_that_no_device_may_send_are_refused_whole(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from herdbook.edge import watch

    rows = watch.tracklet_rows

    def overconfident(*arguments: Any, **said: Any) -> Any:
        found = rows(*arguments, **said)
        for row in found["bout"]:
            row["probability"] = 1.5
        return found

    monkeypatch.setattr(watch, "tracklet_rows", overconfident)
    (day,) = pending_days(settings, engine)
    with pytest.raises(RecordValueError, match="'motion-2' made rows that no device may send"):
        reprocess_day(settings, engine, day)
    assert ask(settings, "SELECT count(DISTINCT load_id) FROM record.bout") == [(1,)]


def test_readings_stay_in_the_lake(settings: Settings, engine: Engine) -> None:
    (day,) = pending_days(settings, engine)
    reprocess_day(settings, engine, day)
    with duckdb.connect(str(publish(settings)), read_only=True) as published:
        assert published.execute("SELECT count(DISTINCT load_id) FROM record.tracklet").fetchone() == (1,)
        with pytest.raises(duckdb.CatalogException, match="reading"):
            published.execute("FROM reading")


def test_a_learned_release_reads_too(settings: Settings, taught_release: Path) -> None:
    (done,) = run("reprocess", "--release", taught_release, "--at-most", 1)
    assert done["release_id"] == "compact-test"
    assert ask(settings, "SELECT release_id, tracklet_rows FROM reading") == [("compact-test", done["tracklets"])]
    assert run("reprocess", "--release", taught_release) == []
