"""Teacher targets: what is kept is what was said, once, whatever interrupts."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from herdbook.errors import ConfigurationError, DiskFullError, EmptyDatasetError, FileFormatError, InputError
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Frame
from herdbook.learning.pixels import frame_id, png_bytes
from herdbook.learning.targets.codec import Encoding, pack, unpack
from herdbook.learning.targets.compute import compute_targets, read_index
from herdbook.learning.targets.store import Recipe, TargetStore

torch = pytest.importorskip("torch")

SIDE = 16
features = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
    elements=st.floats(-1000, 1000, width=32),
)


class Convolution:
    """A real, small teacher."""

    release, side = "conv-1", SIDE

    def __init__(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.network = torch.nn.Conv2d(3, 8, 4, stride=4)
        self.asked = 0

    def features(self, frames: torch.Tensor) -> torch.Tensor:
        self.asked += len(frames)
        return self.network(frames)


def make_frames(folder: Path, count: int = 6) -> list[Frame]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        image = rng.integers(0, 256, (24, 32, 3)).astype(np.uint8)
        identity = frame_id(image)
        path = folder / f"{identity}.png"
        path.write_bytes(png_bytes(image))
        found.append(Frame(identity, Split.TRAIN, path, {}))
    return found


def recipe(encoding: Encoding = Encoding.INT8) -> Recipe:
    return Recipe("conv-1", SIDE, encoding)


@given(features)
@settings(max_examples=60)
def test_half_floats_come_back_to_their_rounding(said: np.ndarray) -> None:
    assert (unpack(pack(said, Encoding.FP16)) == said.astype(np.float16).astype(np.float32)).all()


@given(features)
@settings(max_examples=60)
def test_integers_come_back_to_half_a_step_of_their_channel(said: np.ndarray) -> None:
    step = np.abs(said).max(axis=(1, 2), keepdims=True) / 127
    assert (np.abs(unpack(pack(said, Encoding.INT8)) - said) <= step * 0.501 + 1e-30).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(bad: float) -> None:
    for encoding in Encoding:
        with pytest.raises(InputError, match="not a finite number"):
            pack(np.full((1, 2, 2), bad, np.float32), encoding)
    with pytest.raises(InputError, match="largest half float"):
        pack(np.full((1, 2, 2), 1e6, np.float32), Encoding.FP16)


def test_damage_is_noticed(tmp_path: Path) -> None:
    blob = pack(np.ones((4, 8, 8), np.float32), Encoding.INT8)
    for damaged in (b"", blob[:20], blob[:-4], b"{}\n" + blob, blob.replace(b'"int8"', b'"int9"')):
        with pytest.raises(FileFormatError, match="damaged"):
            unpack(damaged)


def test_every_frame_is_asked_about_once(tmp_path: Path) -> None:
    frames, teacher, store = make_frames(tmp_path), Convolution(), TargetStore(tmp_path / "store")
    first = compute_targets(frames[:4], teacher, store, recipe(), tmp_path / "a.parquet", batch=3)
    assert (teacher.asked, first.computed, first.reused) == (4, 4, 0)
    second = compute_targets(frames, teacher, store, recipe(), tmp_path / "b.parquet", batch=3)
    assert (teacher.asked, second.computed, second.reused) == (6, 2, 4)
    assert read_index(tmp_path / "b.parquet") == (recipe(), sorted(frame.frame_id for frame in frames))


def test_what_is_kept_is_what_the_teacher_says_of_the_squeezed_frame(tmp_path: Path) -> None:
    from herdnet.pixels import resize

    frames, teacher, store = make_frames(tmp_path, 2), Convolution(), TargetStore(tmp_path / "store")
    report = compute_targets(frames, teacher, store, recipe(Encoding.FP16), tmp_path / "a.parquet")
    images = torch.from_numpy(frames[0].image().copy()).permute(2, 0, 1)[None].float() / 255
    said = teacher.network(resize(images, (SIDE, SIDE)))[0].detach().numpy()
    assert np.abs(store.get(recipe(Encoding.FP16), frames[0].frame_id) - said).max() < 1e-3
    assert report.shape == (8, 4, 4)
    assert report.relative_error < 5e-4
    assert report.worst_cosine > 0.99999
    assert report.bytes_per_frame == report.bytes / 2


def test_the_error_is_measured_again_when_all_is_there(tmp_path: Path) -> None:
    frames, teacher, store = make_frames(tmp_path), Convolution(), TargetStore(tmp_path / "store")
    first = compute_targets(frames, teacher, store, recipe(), tmp_path / "a.parquet", measure=6)
    again = compute_targets(frames, teacher, store, recipe(), tmp_path / "a.parquet", measure=6)
    same = ("shape", "bytes", "relative_error", "cosine", "worst_cosine")
    assert [dataclasses.asdict(first)[k] for k in same] == [dataclasses.asdict(again)[k] for k in same]
    assert 0 < first.relative_error < 0.02


def test_another_teacher_or_encoding_never_answers(tmp_path: Path) -> None:
    frames, teacher, store = make_frames(tmp_path, 2), Convolution(), TargetStore(tmp_path / "store")
    compute_targets(frames, teacher, store, recipe(), tmp_path / "a.parquet")
    for other in (Recipe("conv-2", SIDE, Encoding.INT8), Recipe("conv-1", 32, Encoding.INT8), recipe(Encoding.FP16)):
        assert not store.has(other, frames[0].frame_id)


def test_a_full_quota_is_said_and_going_on_with_more_keeps_what_was_done(tmp_path: Path) -> None:
    frames, teacher = make_frames(tmp_path), Convolution()
    size = compute_targets(frames[:1], teacher, TargetStore(tmp_path / "one"), recipe(), tmp_path / "x").bytes
    small = TargetStore(tmp_path / "store", quota=3 * size + size // 2)
    with pytest.raises(DiskFullError, match="quota"):
        compute_targets(frames, teacher, small, recipe(), tmp_path / "a.parquet", batch=2)
    assert not (tmp_path / "a.parquet").exists()
    asked = teacher.asked
    report = compute_targets(frames, teacher, TargetStore(tmp_path / "store"), recipe(), tmp_path / "a.parquet")
    assert report.reused >= 2
    assert teacher.asked - asked == 6 - report.reused


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    frames, teacher, store = make_frames(tmp_path, 2), Convolution(), TargetStore(tmp_path / "store")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError) as caught:
        compute_targets(frames, teacher, store, recipe(), tmp_path / "a.parquet")
    assert "continues where it stopped" in caught.value.remedy
    monkeypatch.undo()
    assert not list((tmp_path / "store").rglob("*.target"))
    assert compute_targets(frames, teacher, store, recipe(), tmp_path / "a.parquet").computed == 2


def test_an_altered_frame_is_not_learnt_from(tmp_path: Path) -> None:
    one, other = make_frames(tmp_path, 2)
    one.path.write_bytes(other.path.read_bytes())
    with pytest.raises(FileFormatError, match="altered"):
        compute_targets([one], Convolution(), TargetStore(tmp_path / "s"), recipe(), tmp_path / "a.parquet")


def test_no_frames_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EmptyDatasetError):
        compute_targets([], Convolution(), TargetStore(tmp_path / "s"), recipe(), tmp_path / "a.parquet")


SLOW = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_targets import Convolution, make_frames, recipe
from herdbook.learning.targets.compute import compute_targets
from herdbook.learning.targets.store import TargetStore

class Slow(Convolution):
    def features(self, frames):
        time.sleep(0.05)
        return super().features(frames)

place = Path({place!r})
compute_targets(make_frames(place, 40), Slow(), TargetStore(place / "store"), recipe(), place / "a.parquet", batch=1)
"""


def test_killed_at_any_point_it_goes_on_and_no_target_is_half(tmp_path: Path) -> None:
    script = SLOW.format(tests=str(Path(__file__).parent), place=str(tmp_path))
    store = TargetStore(tmp_path / "store")
    for least in (1, 8):
        process = subprocess.Popen([sys.executable, "-c", script])
        while len(list((tmp_path / "store").rglob("*.target"))) < least and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    frames, teacher = make_frames(tmp_path, 40), Convolution()
    kept = [frame for frame in frames if store.has(recipe(), frame.frame_id)]
    assert 8 <= len(kept) < 40
    for frame in kept:
        assert store.get(recipe(), frame.frame_id).shape == (8, 4, 4)
    report = compute_targets(frames, teacher, store, recipe(), tmp_path / "a.parquet")
    assert (report.computed, report.reused) == (40 - len(kept), len(kept))
    assert not list((tmp_path / "store").rglob("*.part"))


def test_the_small_teacher_of_sam_3s_classes_answers_and_repeats_itself(tmp_path: Path) -> None:
    from herdbook.learning.targets.teachers import load_teacher

    frames = make_frames(tmp_path, 2)
    reports = []
    for name in ("a", "b"):
        teacher = load_teacher("small:0")
        how = Recipe(teacher.release, teacher.side, Encoding.INT8)
        reports.append(
            compute_targets(frames, teacher, TargetStore(tmp_path / name), how, tmp_path / f"{name}.parquet")
        )
    assert reports[0].shape == (192, 32, 32)
    assert reports[0].cosine > 0.999
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    for wrong in ("small:", str(tmp_path / "nowhere")):
        with pytest.raises(ConfigurationError):
            load_teacher(wrong)
