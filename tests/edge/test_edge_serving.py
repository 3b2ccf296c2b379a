"""Recorders use what is active: they change between clips, let go when asked, and never stand without an engine."""

from __future__ import annotations

import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from activate_cases import make_place, named, needs_triton, point_at
from edge_cases import AFTERWARDS, DAY, MakeDevice

from herdbook.contracts.device_day import parse_manifest
from herdbook.contracts.records import CameraState, RecordKind
from herdbook.edge.activate import Place, activate
from herdbook.edge.activate.begin_again import begin_again
from herdbook.edge.activate.using import paused, uses, wait_until
from herdbook.edge.config import DeviceConfig
from herdbook.edge.perception.motion import MotionEngine
from herdbook.edge.recorder import Issued, record_day
from herdbook.edge.serving import Engines
from herdbook.edge.spool import note_gap, read_gaps
from herdbook.edge.watch import Watch
from support.made_release import make_assignment, make_release
from support.plain_release import write_plain_release


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path / "root")


@pytest.fixture
def releases(place: Place, tmp_path: Path) -> list[Path]:
    """compact-1 and compact-2, fetched."""
    sources = [write_plain_release(tmp_path / f"source-{n}", shade=float(n)) for n in (1, 2)]
    return [make_release(place.releases, source, f"compact-{n}") for n, source in enumerate(sources, start=1)]


@pytest.fixture
def config(make_device: MakeDevice, clip_folder: Path) -> DeviceConfig:
    return make_device(clip_folder)


def test_a_recorder_goes_back_to_device_yaml_between_clips(
    place: Place, releases: list[Path], config: DeviceConfig
) -> None:
    point_at(place, named(place, releases[1], 2), named(place, releases[0], 1))
    with Engines(config, place.root) as engines:
        engine = engines.make("cam-1")
        assert engine.release.release_id == "compact-2"
        back = make_assignment(releases[0], 3, release_id="motion-1", files=[], why="rollback")
        begin_again(place, back, patience_s=0.0)
        assert engines.due("cam-1"), "whoever waited no longer for it"
        assert isinstance(engines.change("cam-1", engine), MotionEngine)
        assert not engines.due("cam-1")
        assert isinstance(engines.make("cam-2"), MotionEngine), "no former release is fallen back to"


def rows(issued: Issued, kind: RecordKind) -> list[dict[str, Any]]:
    return pq.read_table(issued.folder / f"{kind}.parquet").to_pylist()


def made_by(issued: Issued) -> list[str]:
    return [release.release_id for release in parse_manifest((issued.folder / "manifest.json").read_bytes()).releases]


def test_the_active_release_comes_before_device_yaml(place: Place, releases: list[Path], config: DeviceConfig) -> None:
    with Engines(config, place.root) as engines:
        assert isinstance(engines.make("cam-1"), MotionEngine)
        assert not engines.due("cam-1")
        point_at(place, named(place, releases[0], 1))
        assert engines.due("cam-1")
        engine = engines.change("cam-1", engines.make("cam-1"))
        assert engine.release.release_id == "compact-1"
        assert not engines.due("cam-1")
        assert [use.cameras for use in uses(place.root)] == [{"cam-1": 1}]
    assert uses(place.root) == []


def test_a_switch_in_the_middle_of_a_day_gives_rows_of_both_each_of_its_own(
    place: Place, releases: list[Path], config: DeviceConfig
) -> None:
    one, two = (named(place, folder, n) for n, folder in enumerate(releases, start=1))
    point_at(place, one)

    def progress(_: str, done: float, __: float) -> None:
        if done > 14:  # in the second of three clips of 12 s
            point_at(place, two, one)

    issued = record_day(config, place.root, DAY, now=AFTERWARDS, progress=progress)
    assert made_by(issued) == ["compact-1", "compact-2"]
    tracklets = rows(issued, RecordKind.TRACKLET)
    assert [row["release_id"] for row in tracklets] == ["compact-1", "compact-2"]
    of = {row["tracklet_id"]: row["release_id"] for row in tracklets}
    for kind in (RecordKind.BOUT, RecordKind.EMBEDDING, RecordKind.ACTIVITY):
        assert all(row["release_id"] == of[row["tracklet_id"]] for row in rows(issued, kind))


def test_a_new_release_is_no_reason_to_record_a_day_again(
    place: Place, releases: list[Path], config: DeviceConfig
) -> None:
    record_day(config, place.root, DAY, now=AFTERWARDS)
    point_at(place, named(place, releases[0], 1))
    assert record_day(config, place.root, DAY, now=AFTERWARDS).state == "unchanged"


def test_what_cannot_be_opened_is_refused_and_the_old_engine_goes_on(
    place: Place, releases: list[Path], config: DeviceConfig
) -> None:
    one, two = (named(place, folder, n) for n, folder in enumerate(releases, start=1))
    point_at(place, one)
    (releases[1] / "student.onnx").write_bytes(b"spoiled")
    with Engines(config, place.root) as engines:
        engine = engines.make("cam-1")
        point_at(place, two, one)
        assert engines.change("cam-1", engine) is engine
        assert not engines.due("cam-1"), "it is not tried before every clip"
        (use,) = uses(place.root)
        assert (use.cameras, use.refused) == ({"cam-1": 1}, (2,))
    with Engines(config, place.root) as engines:
        assert engines.make("cam-1").release.release_id == "compact-1", "the last good release, at a start"


def test_engines_go_while_room_is_asked_for(place: Place, releases: list[Path], config: DeviceConfig) -> None:
    point_at(place, named(place, releases[0], 1))
    let_go, recorded = threading.Event(), []

    def record() -> None:
        recorded.append(record_day(config, place.root, DAY, now=AFTERWARDS))

    with paused(place.root):
        recorder = threading.Thread(target=record)
        recorder.start()
        if wait_until(lambda: any(not use.cameras for use in uses(place.root)), 60):
            let_go.set()
        point_at(place, named(place, releases[1], 2))
    recorder.join()
    assert let_go.is_set()
    assert made_by(recorded[0])[-1] == "compact-2"
    assert {row["release_id"] for row in rows(recorded[0], RecordKind.TRACKLET)} == {"compact-2"}


def test_a_request_for_room_dies_with_its_author(place: Place, releases: list[Path], config: DeviceConfig) -> None:
    point_at(place, named(place, releases[0], 1))
    with Engines(config, place.root) as engines:
        engines.make("cam-1")
        (place.releases / "using" / "pause").touch()
        assert not engines.due("cam-1")
        with ThreadPoolExecutor(8) as cameras:
            seen = list(cameras.map(lambda _: engines.paused, range(4000)))
        assert not any(seen), "cameras that look at once are not its author"


def test_a_live_camera_says_in_its_coverage_that_its_engine_was_out(
    place: Place, releases: list[Path], make_device: MakeDevice, tmp_path: Path
) -> None:
    config = make_device("rtsp://camera.example/1")
    (camera,) = config.cameras
    point_at(place, named(place, releases[0], 1))
    spool, work = tmp_path / "spool", tmp_path / "work"
    spool.mkdir()
    work.mkdir()
    with Engines(config, place.root) as engines:
        watch = Watch(
            camera, config, DAY, folder=work, spool=spool, engines=engines, known=[], advance=lambda seconds: None
        )
        watch.idle()
        assert read_gaps(spool) == [], "nothing was asked"
        with paused(place.root):
            waiting = threading.Thread(target=watch.idle)
            waiting.start()
            assert wait_until(lambda: not any(use.cameras for use in uses(place.root)), 60)
            point_at(place, named(place, releases[1], 2))
        waiting.join()
        assert [use.cameras for use in uses(place.root)] == [{"cam-1": 2}]
    (gap,) = read_gaps(spool)
    assert gap.state is CameraState.DEGRADED
    assert gap.reason == "engine out for a switch of releases (compact-1 to compact-2); looked at afterwards"


@needs_triton
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_through_triton_the_day_is_the_same_to_the_byte_even_where_the_server_crashes(
    make_device: MakeDevice, clip_folder: Path, tmp_path: Path
) -> None:
    days = []
    for serve in ("onnxruntime", "triton"):
        place = make_place(tmp_path / serve, serve=serve)
        folder = make_release(place.releases, write_plain_release(tmp_path / f"{serve}-source"), "compact-1")
        with place.host:
            activate(place, folder, make_assignment(folder))
        crashed = []

        def crash(_: str, done: float, __: float, root: Path = place.root, crashed: list[int] = crashed) -> None:
            if done > 14 and not crashed:
                crashed.append(kill_server(root))

        config = make_device(clip_folder, serve=serve)
        days.append(record_day(config, place.root, DAY, now=AFTERWARDS, progress=crash))
        assert bool(crashed[0]) == (serve == "triton")
    files = [{f.name: f.sha256 for f in parse_manifest((d.folder / "manifest.json").read_bytes()).files} for d in days]
    assert files[0] == files[1]
    assert made_by(days[1]) == ["compact-1"]


def kill_server(root: Path) -> int:
    """SIGKILL to the Triton server of a device; how many there were."""
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if command[0].endswith("/tritonserver") and f"--model-repository={root}/triton/models" in command:
            os.kill(int(folder.name), signal.SIGKILL)
            found += 1
    return found


def test_a_gap_in_the_journal_says_its_state(tmp_path: Path) -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    note_gap(tmp_path, now, now + timedelta(seconds=5), "no power")
    note_gap(tmp_path, now, now + timedelta(seconds=9), "engine out", state=CameraState.DEGRADED)
    assert "state" not in json.loads((tmp_path / "gaps.jsonl").read_text().splitlines()[0])
    assert [spell.state for spell in read_gaps(tmp_path)] == [CameraState.OFF, CameraState.DEGRADED]
