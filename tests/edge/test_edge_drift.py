"""Drift on the device: old and new release on its own clips, in a process that may crash, hang or swell."""

from __future__ import annotations

import json
import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edge_cases import AFTERWARDS, DAY, MakeDevice
from hypothesis import given
from hypothesis import strategies as st

from herdbook.edge.config import MOTION_RELEASE, DeviceConfig
from herdbook.edge.days import DayStore
from herdbook.edge.drift import DriftLimits, RecentClip, read_drift, recent_clips
from herdbook.edge.drift.clips import spread
from herdbook.edge.drift.identities import count_identities
from herdbook.edge.recorder import record_day
from herdbook.edge.retention import free_acknowledged
from herdbook.errors import ConfigurationError, DriftReadingError
from support.plain_release import DIMENSIONS, write_plain_release
from support.released import RELEASE

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MOTION_2 = MOTION_RELEASE.model_copy(update={"release_id": "motion-2"})
FEW = DriftLimits(clips=2)


@pytest.fixture
def device(make_device: MakeDevice, clip_folder: Path) -> DeviceConfig:
    return make_device(clip_folder)


@pytest.fixture
def slower(device: DeviceConfig) -> DeviceConfig:
    """The same engine, which takes more for still."""
    motion = device.motion.model_copy(update={"walk_body_lengths_s": 50.0})
    return device.model_copy(update={"release": MOTION_2, "motion": motion})


def clip(hour: float, camera: str = "cam-1", path: str = "x.mp4") -> RecentClip:
    return RecentClip(camera_id=camera, path=Path(path), started_at=NOON + timedelta(hours=hour))


# -- which clips ------------------------------------------------------------------------------------------------------


def test_every_camera_and_hour_has_its_turn_before_any_has_two() -> None:
    many = [clip(hour / 4, camera) for hour in range(40) for camera in ("a", "b", "c")]
    chosen = spread(many, 9, "UTC")
    assert [one.camera_id for one in chosen] == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    for camera in "abc":
        hours = {one.started_at.hour for one in chosen if one.camera_id == camera}
        assert len(hours) == 3
    assert spread(many[::-1], 9, "UTC") == chosen, "the same for the same footage, however it is listed"


def test_few_clips_are_all_chosen() -> None:
    assert spread([clip(1), clip(0)], 5, "UTC") == [clip(0), clip(1)]


def test_a_clip_of_an_issued_day_and_its_source_are_one(device: DeviceConfig, tmp_path: Path) -> None:
    root = tmp_path / "root"
    assert len(recent_clips(device, root)) == 3
    record_day(device, root, DAY, now=AFTERWARDS)
    found = recent_clips(device, root)
    assert len(found) == 3
    assert all(one.path.is_relative_to(root / "days") for one in found)
    shutil.rmtree(device.cameras[0].source)
    assert recent_clips(device, root) == found
    store = DayStore(root)
    stored = store.latest(DAY)
    assert stored is not None
    store.acknowledge(stored, AFTERWARDS)
    free_acknowledged(store, root, device, AFTERWARDS)
    assert recent_clips(device, root) == [], "what the platform has is freed"


def test_old_footage_says_nothing_of_now(device: DeviceConfig, clip_folder: Path, tmp_path: Path) -> None:
    shutil.copy(clip_folder / "cam-1_20260601T110000Z.mp4", clip_folder / "cam-1_20260501T110000Z.mp4")
    assert min(one.started_at for one in recent_clips(device, tmp_path)).month == 6


# -- identities -------------------------------------------------------------------------------------------------------


def test_pieces_of_two_animals_are_two() -> None:
    rng = np.random.default_rng(0)
    one, other = np.eye(2, 8)
    looks = np.stack([one, other, one, other, one]) + rng.normal(0, 0.05, (5, 8))
    start = np.array([0.0, 0, 20, 20, 40])
    assert count_identities(looks, start, start + 15) == 2
    assert count_identities(looks * 1e-3, start, start + 15) == 2, "the space's scale does not matter"


def test_who_was_never_seen_with_another_is_not_joined() -> None:
    assert count_identities(np.ones((3, 4)), np.array([0.0, 2, 4]), np.array([1.0, 3, 5])) == 3


@given(st.integers(1, 12), st.integers(0, 2**31))
def test_there_are_no_fewer_animals_than_were_seen_at_once(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, 10, count)
    end = start + rng.uniform(0.5, 5, count)
    at_once = max(int(((start <= at) & (at < end)).sum()) for at in start)
    assert at_once <= count_identities(rng.normal(size=(count, 6)), start, end) <= count


# -- readings ---------------------------------------------------------------------------------------------------------


def test_the_same_release_twice_differs_by_nothing(device: DeviceConfig, tmp_path: Path) -> None:
    again = device.model_copy(update={"release": MOTION_2})
    drift = read_drift(device, again, recent_clips(device, tmp_path), tmp_path / "work", limits=FEW)
    assert (drift.old_release, drift.new_release) == ("motion-1", "motion-2")
    assert len(drift.clips) == FEW.clips
    for read in drift.clips:
        assert read.old == read.new
        assert read.seconds == pytest.approx(12, abs=0.3)
        assert read.old.identities == read.old.tracklets == 2
        assert sum(read.old.behaviour_s.values()) <= read.old.animal_s + 1e-6


def test_another_parameter_shows_and_what_was_read_is_not_read_again(
    device: DeviceConfig, slower: DeviceConfig, tmp_path: Path
) -> None:
    clips, work = recent_clips(device, tmp_path)[:2], tmp_path / "work"
    drift = read_drift(device, slower, clips, work)
    for read in drift.clips:
        assert read.old.behaviour_s["walking"] > 5
        assert "walking" not in read.new.behaviour_s
        assert read.old.animal_s == read.new.animal_s
    kept = {path.name: path.stat().st_mtime_ns for path in work.glob("*.json")}
    assert read_drift(device, slower, clips, work) == drift
    del kept["job.json"]
    assert {name: (work / name).stat().st_mtime_ns for name in kept} == kept
    other = slower.model_copy(update={"motion": slower.motion.model_copy(update={"min_bout_s": 3.0})})
    read_drift(device, other, clips, work)
    old = {path.name for path in work.glob("*.json")} & set(kept)
    assert len(old) == 2, "the old release's readings serve again, the other new one's are gone"


def test_a_learned_release_is_read_too(device: DeviceConfig, taught_release: Path, tmp_path: Path) -> None:
    new = device.model_copy(update={"network": taught_release, "release": MOTION_RELEASE.model_validate(RELEASE)})
    drift = read_drift(device, new, recent_clips(device, tmp_path)[:1], tmp_path / "work")
    assert drift.new_release == "compact-test"
    assert drift.clips[0].new.tracklets >= 2


def test_the_graphs_that_a_recipe_chooses_are_read(device: DeviceConfig, tmp_path: Path) -> None:
    """Not those that ``network.json`` names, which is all that a release without recipes has."""
    use = {"release_id": "compact-1", "space_id": "compact-1", "engine": "compact", "dimensions": DIMENSIONS}
    sides, graphs = [], []
    for name in ("compact-1", "compact-2"):
        folder = write_plain_release(tmp_path / name)
        (folder / "student.onnx").rename(folder / "student.int8.onnx")
        (folder / "student.onnx").write_bytes(b"in another precision, which does not run here")
        release = MOTION_RELEASE.model_copy(update=use | {"release_id": name})
        sides.append(device.model_copy(update={"network": folder, "release": release}))
        graphs.append({"student": folder / "student.int8.onnx"})
    old, new = graphs
    clips = recent_clips(device, tmp_path)[:1]
    drift = read_drift(*sides, clips, tmp_path / "work", old_graphs=old, new_graphs=new)
    assert drift.unread is None
    assert drift.clips[0].old.tracklets == drift.clips[0].new.tracklets > 0


def test_no_password_is_written_down(make_device: MakeDevice, clip_folder: Path, tmp_path: Path) -> None:
    device = make_device("rtsp://user:secret@camera/stream")
    (found,) = [clip(0, path=str(next(clip_folder.iterdir())))]
    read_drift(device, device.model_copy(update={"release": MOTION_2}), [found], tmp_path / "work")
    for path in (tmp_path / "work").iterdir():
        assert "secret" not in path.read_text()


def test_clips_that_went_or_cannot_be_read_are_left_out(
    device: DeviceConfig, slower: DeviceConfig, clip_folder: Path, tmp_path: Path
) -> None:
    first, second, third = recent_clips(device, tmp_path)
    first.path.unlink()
    second.path.write_bytes(b"no video")
    drift = read_drift(device, slower, [first, second, third], tmp_path / "work")
    assert [read.clip for read in drift.clips] == [third.name]


def test_without_clips_there_is_nothing_to_say(device: DeviceConfig, slower: DeviceConfig, tmp_path: Path) -> None:
    assert read_drift(device, slower, [], tmp_path / "work").clips == ()


def test_of_a_long_clip_only_the_beginning_is_read(device: DeviceConfig, slower: DeviceConfig, tmp_path: Path) -> None:
    clips = recent_clips(device, tmp_path)[:1]
    drift = read_drift(device, slower, clips, tmp_path / "work", limits=DriftLimits(clip_s=4))
    assert drift.clips[0].seconds == pytest.approx(4, abs=1)


def test_a_release_that_cannot_be_opened_is_said(device: DeviceConfig, random_release: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(random_release, tmp_path / "release"))
    (folder / "student.onnx").write_bytes(b"spoiled")
    new = device.model_copy(update={"network": folder, "release": MOTION_RELEASE.model_validate(RELEASE)})
    with pytest.raises(ConfigurationError):
        read_drift(device, new, recent_clips(device, tmp_path)[:1], tmp_path / "work")


def test_an_old_release_that_cannot_be_opened_is_said_and_stops_nothing(
    device: DeviceConfig, random_release: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(random_release, tmp_path / "release"))
    (folder / "student.onnx").write_bytes(b"spoiled")
    old = device.model_copy(update={"network": folder, "release": MOTION_RELEASE.model_validate(RELEASE)})
    clips = recent_clips(device, tmp_path)[:1]
    drift = read_drift(old, device, clips, tmp_path / "work")
    assert (drift.old_release, drift.new_release, drift.clips) == ("compact-test", "motion-1", ())
    assert "not an ONNX graph" in (drift.unread or "")
    shutil.rmtree(folder)
    assert "is not there" in (read_drift(old, device, clips, tmp_path / "work").unread or "")


# -- an engine that misbehaves ----------------------------------------------------------------------------------------


def misbehaving(folder: Path, body: str) -> dict[str, str]:
    """An environment in whose child processes release motion-2 does something when it first looks."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'herdbook.edge.drift' in ' '.join(sys.orig_argv) and 'keeper' not in ' '.join(sys.orig_argv):\n"
        "    from herdbook.edge.perception import motion\n"
        "    see = motion.MotionEngine.see\n"
        "    def misbehave(self, at, image):\n"
        "        if self.release.release_id == 'motion-2':\n"
        f"            {body}\n"
        "        return see(self, at, image)\n"
        "    motion.MotionEngine.see = misbehave\n"
    )
    return {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "limits", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", {}, "release 'motion-2' crashed .signal 11."),
        ("raise RuntimeError('not today')", {}, "release 'motion-2' crashed .RuntimeError: not today"),
        ("import time; time.sleep(600)", {"stall_s": 15}, "release 'motion-2' took longer than 15 s"),
        (
            "import time; self.hoard = b'x' * (700 << 20); time.sleep(60)",
            {"memory_mib": 700},
            "release 'motion-2' needed [0-9]+ MiB, 700 are allowed",
        ),
    ],
    ids=["crash", "exception", "hang", "memory"],
)
def test_an_engine_that_misbehaves_harms_only_its_reading(
    body: str, limits: dict[str, Any], said: str, slower: DeviceConfig, tmp_path: Path
) -> None:
    monkeypatch = pytest.MonkeyPatch()
    device = slower.model_copy(update={"release": MOTION_RELEASE})
    clips = recent_clips(device, tmp_path)[:1]
    with monkeypatch.context() as patched:
        for name, value in misbehaving(tmp_path / "site", body).items():
            patched.setenv(name, value)
        with pytest.raises(DriftReadingError, match=said):
            read_drift(device, slower, clips, tmp_path / "work", limits=DriftLimits(**limits))
        drift = read_drift(slower, device, clips, tmp_path / "back", limits=DriftLimits(**limits))
        assert re.search(said, drift.unread or ""), "of the release that is to go it is only told"
    kept = [json.loads(path.read_text()) for path in (tmp_path / "work").glob("????????????????*.json")]
    assert [outcome["reading"] is not None for outcome in kept] == [True], "what the old release saw is kept"
    assert len(read_drift(device, slower, clips, tmp_path / "work").clips) == 1
