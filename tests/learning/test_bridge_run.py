"""Bridge runs on archived footage: same releases differ by nothing, others by what the lake then says."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from herdbook.cli import app
from herdbook.edge.config import MOTION_RELEASE
from herdbook.edge.perception.network import NetworkFile, write_network
from herdbook.errors import ConfigurationError, EmptyDatasetError, NotFoundError
from herdbook.fleet.rollout import store
from herdbook.identity.bridge import bridges_folder, find_bridge
from herdbook.lake.attach import open_lake
from herdbook.lake.check import run_checks
from herdbook.lake.publish import publish
from herdbook.learning.bridge import read
from herdbook.learning.bridge.clips import choose
from herdbook.learning.bridge.releases import release_engine
from herdbook.learning.bridge.run import bridge, chosen_clips
from herdbook.learning.evaluation.engine_file import read_engine
from herdbook.learning.evaluation.predictions import Engine, predict
from herdbook.ledger.columns import utc_now
from herdbook.ledger.models import Device, FootageClip
from herdbook.ledger.rollouts import MemberPhase
from herdbook.ledger.session import ledger_session
from herdbook.settings import Settings
from support.releases import release_document
from support.rollouts import member, rollout

ENGINE = """
release: {release_id: motion-2, engine: motion, space_id: motion-appearance-2, dimensions: 96, ethogram_id: pig-9}
motion: {walk_body_lengths_s: 0.01, still_body_lengths: 0.001}
"""


@pytest.fixture
def settings(archived: Settings) -> Settings:
    return archived


@pytest.fixture
def same() -> Engine:
    """The first engine, under another name and space."""
    other = {"release_id": "motion-same", "space_id": "motion-same"}
    return Engine(release=MOTION_RELEASE.model_copy(update=other))


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "motion-2"
    folder.mkdir()
    (folder / "engine.yaml").write_text(ENGINE)
    return folder


def ask(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with open_lake(settings, read_only=True) as lake:
        return lake.execute(query).fetchall()


def test_the_same_release_twice_differs_by_nothing(settings: Settings, same: Engine) -> None:
    clips = chosen_clips(settings)
    assert len(clips) == 2
    done = bridge(settings, Engine(), same, clips)
    rows = ask(settings, "SELECT difference, low, high, from_share, bridge_id FROM bridge_behaviour")
    assert len(rows) == 9
    assert {row[0] for row in rows} == {0.0}
    assert sum(row[3] for row in rows) == pytest.approx(1)
    assert {row[4] for row in rows} == {done.bridge_id}
    ((pairs, method, cosine, across, within),) = ask(
        settings, "SELECT pairs, method, cosine, rank1_across, rank1_within FROM bridge_space"
    )
    assert pairs >= 4
    assert (method, across) == ("procrustes", within)
    assert cosine == pytest.approx(1, abs=1e-9)
    with open_lake(settings, read_only=True) as lake:
        found = find_bridge(lake, bridges_folder(settings.registry), "motion-appearance-1", "motion-same")
    looks = np.eye(96)[:3]
    assert found.map.apply(looks, "motion-appearance-1") == pytest.approx(looks, abs=1e-6)
    assert [result.name for result in run_checks(settings) if result.failed] == []


def test_without_a_bridge_spaces_are_not_compared(settings: Settings) -> None:
    with open_lake(settings, read_only=True) as lake, pytest.raises(NotFoundError, match="not compared"):
        find_bridge(lake, bridges_folder(settings.registry), "motion-appearance-1", "compact-7")


def test_the_command_says_what_another_parameter_does(settings: Settings, release: Path) -> None:
    told = ["learn", "bridge", "motion-1", str(release), "--json"]
    done = CliRunner().invoke(app, told, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)
    assert (row["from_release_id"], row["to_release_id"], row["clips"], row["new"]) == ("motion-1", "motion-2", 2, True)
    walking = next(one for one in row["behaviours"] if one["behaviour"] == "walking")
    assert walking["difference"] > 0.1
    assert row["space"]["cosine"] == pytest.approx(1, abs=1e-6), "only the judgement of behaviour differs"
    (again,) = json.loads(CliRunner().invoke(app, told, catch_exceptions=False).stdout)
    assert (again["bridge_id"], again["new"]) == (row["bridge_id"], False)
    with duckdb.connect(str(publish(settings)), read_only=True) as herd:
        query = "SELECT difference FROM bridge_behaviour WHERE behaviour = 'walking'"
        assert herd.execute(query).fetchone() == (walking["difference"],)


def rolled_out(settings: Settings, *formers: str | None) -> None:
    """A rollout of motion-2 that every device took up."""
    members = {f"d-{n}": member(f"d-{n}", former=former) for n, former in enumerate(formers)}
    proved = {name: each.became(MemberPhase.PROVED) for name, each in members.items()}
    state = replace(rollout(list(members.values())), release_id="motion-2", members=proved)
    with ledger_session(settings) as session:
        for name in members:
            session.add(Device(device_id=name, farm_id="farm-a", url="http://x", timezone="Europe/London"))
        session.flush()
        store.add(session, "night", state, by="x", said="", now=utc_now())


def test_after_a_rollout_it_reads_with_what_most_devices_ran_before(settings: Settings, release: Path) -> None:
    rolled_out(settings, "motion-1", "motion-0", "motion-1", "motion-2")
    shutil.copytree(release, settings.releases / "made" / "motion-2")
    told = ["learn", "bridge", "--rollout", "1", "--json"]
    (row,) = json.loads(CliRunner().invoke(app, told, catch_exceptions=False).stdout)
    assert (row["from_release_id"], row["to_release_id"], row["clips"], row["new"]) == ("motion-1", "motion-2", 2, True)


@pytest.mark.parametrize(
    ("formers", "why"), [(("compact-0",), "there is no release 'compact-0'"), (("motion-2", None), "no device changed")]
)
def test_after_a_rollout_it_is_an_answer_that_there_is_nothing_to_read(
    settings: Settings, formers: tuple[str | None, ...], why: str
) -> None:
    rolled_out(settings, *formers)
    done = CliRunner().invoke(app, ["learn", "bridge", "--rollout", "1", "--json"], catch_exceptions=False)
    (row,) = json.loads(done.stdout)
    assert (done.exit_code, row["bridge_id"], row["clips"]) == (0, None, 0)
    assert why in row["remark"]


@pytest.mark.parametrize("said", [[], ["motion-1"], ["motion-1", "motion-2", "--rollout", "1"]])
def test_it_is_told_two_releases_or_a_rollout(said: list[str]) -> None:
    assert CliRunner().invoke(app, ["learn", "bridge", *said]).exit_code == 2


def test_interrupted_it_goes_on_with_the_clip_that_it_was_at(
    settings: Settings, same: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = chosen_clips(settings)
    calls = []

    def stopped(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return predict(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(read, "predict", stopped)
        with pytest.raises(KeyboardInterrupt):
            bridge(settings, Engine(), same, clips)
    assert ask(settings, "FROM bridge.run") == []
    kept = [path for path in bridges_folder(settings.registry).glob("*/*") if path.is_dir()]
    assert len(kept) == 2, "the first clip, by either release"
    stamps = [path.stat().st_mtime_ns for path in kept]
    seen: list[list[int]] = []
    monkeypatch.setattr(read, "predict", lambda *a: (predict(*a), seen.append([p.stat().st_mtime_ns for p in kept]))[0])
    assert bridge(settings, Engine(), same, clips).new
    assert seen[0] == stamps
    assert not [path for path in bridges_folder(settings.registry).iterdir() if path.is_dir()], "readings are dropped"


def test_a_name_stands_for_one_release(settings: Settings, same: Engine) -> None:
    other = replace(Engine(), release=MOTION_RELEASE.model_copy(update={"space_id": "another"}))
    with pytest.raises(ConfigurationError, match="another release 'motion-1'"):
        bridge(settings, other, same, chosen_clips(settings))


def test_without_footage_there_is_no_bridge(settings: Settings) -> None:
    with ledger_session(settings) as session:
        session.query(FootageClip).delete()
    with pytest.raises(EmptyDatasetError):
        chosen_clips(settings)


def test_few_clips_are_spread(settings: Settings) -> None:
    clips = chosen_clips(settings)
    (day,) = {id(one.day): one.day for one in clips}.values()
    assert len(choose([day], 1)) == 1
    assert choose([day], 5) == clips


@pytest.mark.slow
def test_a_learned_release_bridges_too(settings: Settings, taught_release: Path) -> None:
    bridge(settings, Engine(), read_engine(taught_release / "engine.yaml"), chosen_clips(settings))
    ((old, new, pairs),) = ask(settings, "SELECT from_dimensions, to_dimensions, pairs FROM bridge_space")
    assert (old, new) == (96, 16)
    shares = ask(settings, "SELECT sum(to_share), sum(difference) FROM bridge_behaviour")
    assert pairs == 0 or shares[0][0] == pytest.approx(1)


# -- what the ends may be called --------------------------------------------------------------------------------------


def test_a_release_is_named_by_id_or_folder(settings: Settings, release: Path) -> None:
    assert release_engine(settings, "motion-1") == Engine()
    assert release_engine(settings, str(release)).release.release_id == "motion-2"
    made = settings.home / "releases" / "made" / "compact-test"
    made.mkdir(parents=True)
    (made / "student.onnx").touch()
    write_network(made, NetworkFile(student="student.onnx", image_size=(64, 96), stride=4, dimensions=64))
    (made / "release.json").write_text(json.dumps(release_document("compact-test")))
    engine = release_engine(settings, "compact-test")
    assert (engine.release.release_id, engine.network) == ("compact-test", made)
    assert {path.name for path in engine.models} == {"network.json", "student.onnx"}


def test_what_is_no_release_is_said(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no release 'compact-9'"):
        release_engine(settings, "compact-9")
    (tmp_path / "release.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"release\.json"):
        release_engine(settings, str(tmp_path))
