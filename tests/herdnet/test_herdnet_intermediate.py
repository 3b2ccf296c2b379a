"""The optional arms see what they should and teach the student through the teacher's own parts."""

from __future__ import annotations

import pytest
import torch

from herdnet.errors import ShapeError
from herdnet.intermediate import IntermediateLoss, attention_transfer, prompted_loss, recorded_layers
from herdnet.prompts import Prompts
from herdnet.sam3 import Teacher
from herdnet.sam3_config import SmallTeacher

TINY = SmallTeacher(image_size=64, patch_size=16, channels=64, layers=4, window=2)


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    return Teacher.small(TINY).eval().requires_grad_(False)


def test_layers_are_recorded_only_inside_the_context(teacher: Teacher) -> None:
    image = torch.rand(2, 3, 64, 64)
    with recorded_layers(teacher.tracker, [1, 3]) as layers:
        features = teacher.features(image)
    teacher.features(image)
    assert [tuple(layer.shape) for layer in layers] == [(2, 64, 4, 4)] * 2
    torch.testing.assert_close(layers[-1], features)  # the last layer is the backbone's output


def test_intermediate_loss_teaches_projections_and_levels() -> None:
    loss = IntermediateLoss([8, 16], 64)
    levels = [torch.rand(1, 8, 16, 16, requires_grad=True), torch.rand(1, 16, 4, 4, requires_grad=True)]
    value = loss(levels, [torch.randn(1, 64, 4, 4)] * 2)
    value.backward()
    assert 0 < float(value.detach()) < 2
    assert all(level.grad is not None for level in levels)
    with pytest.raises(ShapeError):
        loss(levels, [torch.randn(1, 64, 4, 4)])


def test_attention_transfer_sees_where_not_what() -> None:
    teacher = torch.rand(1, 6, 8, 8)
    shuffled = teacher[:, torch.randperm(6)]
    assert float(attention_transfer(3 * shuffled, teacher)) == pytest.approx(0, abs=1e-6)
    assert float(attention_transfer(teacher.roll(3, dims=2), teacher)) > 0.01


def test_prompt_in_the_loop_is_zero_gradient_at_the_target_and_reaches_the_student() -> None:
    torch.manual_seed(0)
    teacher = Teacher.small(TINY).eval().requires_grad_(False)
    for head in teacher.tracker.mask_decoder.output_hypernetworks_mlps:
        head.proj_out.weight.mul_(1000)  # an untrained decoder says almost nothing: let it speak up
    target = teacher.features(torch.rand(1, 3, 64, 64))
    prompts = Prompts(points=torch.tensor([[[[20.0, 20.0]], [[40.0, 50.0]]]]))
    perfect = prompted_loss(teacher.tracker, target.clone(), target, prompts)
    student = torch.randn_like(target).requires_grad_()
    worse = prompted_loss(teacher.tracker, student, target, prompts)
    worse.backward()
    assert worse > perfect + 0.05
    assert student.grad is not None
    assert student.grad.abs().max() > 0
    assert all(p.grad is None for p in teacher.parameters())
