"""The student takes the backbone's place; the rest of the tracker is the same, to the last weight."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from herdnet.errors import ShapeError, WeightsUnavailableError
from herdnet.prompts import Prompts
from herdnet.sam3 import Teacher
from herdnet.sam3_config import SmallTeacher
from herdnet.session import ObjectPrompt, Stream
from herdnet.sizes import full_sizes
from herdnet.student import Student, StudentConfig
from herdnet.substitute import is_system, substitute

TINY = SmallTeacher(image_size=64, patch_size=16, channels=64, layers=2, window=2)
STUDENT = StudentConfig(trunk="mobilenetv4_conv_small", image_size=128, grid=4, channels=64, width=32)


def test_has_the_published_sizes() -> None:
    sizes = full_sizes()
    assert sizes.teacher_backbone / 1e6 == pytest.approx(446.2, abs=0.05)
    assert sizes.student / 1e6 == pytest.approx(40.66, abs=0.05)
    assert sizes.teacher_system / 1e6 == pytest.approx(465.8, abs=0.05)
    assert sizes.student_system / 1e6 == pytest.approx(60.2, abs=0.1)
    assert sizes.ratio >= 7.7
    assert sizes.tracker == sizes.teacher_system - sizes.teacher_backbone == sizes.student_system - sizes.student


def test_the_tracker_is_unchanged_and_reads_the_students_features() -> None:
    teacher, student = Teacher.small(TINY).eval(), Student(STUDENT).eval()
    system = substitute(teacher.tracker, student).eval()
    theirs = {k: v for k, v in teacher.tracker.state_dict().items() if ".backbone." not in k}
    ours = {k: v for k, v in system.state_dict().items() if ".backbone." not in k}
    assert theirs.keys() == ours.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=0, atol=0)
    image = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        small = torch.nn.functional.interpolate(image, (64, 64), mode="bilinear", antialias=True)
        back = torch.nn.functional.interpolate(small, (128, 128), mode="bilinear", antialias=True)
        torch.testing.assert_close(Teacher(system).features(small), student(back), atol=1e-4, rtol=1e-4)
    assert type(teacher.tracker.vision_encoder.backbone).__name__ == "Sam3ViTModel"


def test_the_system_tracks() -> None:
    system = substitute(Teacher.small(TINY).tracker, Student(STUDENT)).eval()
    stream = Stream(system)
    stream.step(torch.rand(3, 64, 64), [ObjectPrompt(7, points=[(20, 20)])])
    tracked = stream.step(torch.rand(3, 64, 64))
    assert tracked.object_ids == [7]
    assert tuple(tracked.logits.shape) == (1, 16, 16)


@pytest.mark.parametrize("wrong", [{"grid": 5}, {"channels": 32}])
def test_a_student_for_another_teacher_is_refused(wrong: dict[str, int]) -> None:
    config = StudentConfig(**{**STUDENT.__dict__, **wrong})
    with pytest.raises(ShapeError, match="grid"):
        substitute(Teacher.small(TINY).tracker, Student(config))


def test_on_disk_it_is_a_folder_of_weights_like_any_other(tmp_path: Path) -> None:
    teacher = Teacher.small(TINY)
    system = Teacher(substitute(teacher.tracker, Student(STUDENT))).eval()
    system.save(tmp_path / "system")
    teacher.save(tmp_path / "teacher")
    assert is_system(tmp_path / "system")
    assert not is_system(tmp_path / "teacher")
    assert not is_system(tmp_path / "nowhere")
    again, image, points = Teacher.load(tmp_path / "system"), torch.rand(1, 3, 64, 64), Prompts(torch.rand(1, 3, 1, 2))
    assert not again.training
    with torch.no_grad():
        assert torch.equal(system.masks(image, points).logits, again.masks(image, points).logits)


def test_a_damaged_one_is_said(tmp_path: Path) -> None:
    Teacher(substitute(Teacher.small(TINY).tracker, Student(STUDENT))).save(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(WeightsUnavailableError, match="student in SAM 3's place"):
        Teacher.load(tmp_path)
    weights.unlink()
    with pytest.raises(WeightsUnavailableError):
        Teacher.load(tmp_path)
