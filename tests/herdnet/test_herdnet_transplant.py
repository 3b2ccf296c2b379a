"""The untrained baseline finds the best linear map, and only that."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from herdnet.compact import CompactConfig, CompactStudent
from herdnet.compact_transplant import SEEN, set_linear, transplant
from herdnet.errors import ShapeError
from herdnet.student import Student, StudentConfig
from herdnet.transplant import Ridge, Transplant

SMALL = StudentConfig(trunk="mobilenetv4_conv_small", image_size=64, grid=4, channels=8, width=16)


def test_recovers_a_linear_teacher_from_many_batches() -> None:
    torch.manual_seed(0)
    transplant = Transplant(Student(SMALL))
    truth = torch.randn(8, transplant.linear.in_channels, 1, 1)
    batches = []
    for _ in range(6):
        images = torch.rand(24, 3, 64, 64)
        batches.append((images, torch.nn.functional.conv2d(transplant.levels(images), truth) + 3.0))
    transplant.fit(batches, ridge=1e-9)
    image = torch.rand(2, 3, 64, 64)
    wanted = torch.nn.functional.conv2d(transplant.levels(image), truth) + 3.0
    assert (transplant(image) - wanted).norm() < 0.1 * (wanted - wanted.mean((0, 2, 3), keepdim=True)).norm()


def test_fits_nothing_to_nothing() -> None:
    with pytest.raises(ShapeError):
        Transplant(Student(SMALL)).fit([])


@pytest.fixture
def student() -> CompactStudent:
    torch.manual_seed(0)
    return CompactStudent(CompactConfig(trunk="mobilenetv3_small_050", image_size=(64, 96), width=6, looks=8)).eval()


def levels_of(student: CompactStudent, images: torch.Tensor) -> list[torch.Tensor]:
    maps = student.trunk(student.standardise(images))
    return [maps[k] for k in student.levels]


@torch.no_grad()
def test_a_pyramid_can_be_any_linear_map_of_its_levels(student: CompactStudent) -> None:
    levels = [torch.randn(2, *level.shape[1:]) for level in levels_of(student, torch.rand(2, 3, 64, 96))]
    channels = [level.shape[1] for level in levels]
    weight, bias = torch.randn(6, sum(channels)) / sum(channels) ** 0.5, torch.randn(6)
    set_linear(student.pyramid, weight, bias, (torch.zeros(sum(channels)), torch.eye(sum(channels))))
    parts = [functional.conv2d(x, w[..., None, None]) for x, w in zip(levels, weight.split(channels, 1), strict=True)]
    wanted = parts[-1]
    for part in reversed(parts[:-1]):
        wanted = part + functional.interpolate(wanted, size=part.shape[-2:], mode="bilinear", align_corners=False)
    expected = (wanted + bias[:, None, None] + SEEN).clamp(min=0)
    torch.testing.assert_close(student.pyramid.eval()(levels), expected, atol=1e-3, rtol=1e-3)


def test_the_teachers_leading_features_are_found_in_the_pyramid_and_nothing_of_it_is_trained(
    student: CompactStudent,
) -> None:
    """The teacher is linear in the trunk's coarsest level: then the map is exact, up to how a grid is enlarged."""
    torch.manual_seed(1)
    truth = torch.randn(10, levels_of(student, torch.rand(1, 3, 64, 96))[-1].shape[1], 1, 1)

    def teach(images: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(levels_of(student, images)[-1], truth)

    with torch.no_grad():
        batches = [(images, teach(images)) for images in torch.rand(12, 8, 3, 64, 96)]
    transplant(student, batches, ridge=1e-9)
    student.train()
    before = {name: value.clone() for name, value in student.state_dict().items() if "trunk" in name or "pyr" in name}
    dense = student.dense(batches[0][0])
    dense.saliency.sum().backward()
    assert not any(p.requires_grad for p in [*student.trunk.parameters(), *student.pyramid.parameters()])
    assert any(p.grad is not None for p in student.saliency.parameters())
    after = student.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items()), "batches change nothing either"
    coarse = batches[0][1]
    mine = functional.adaptive_avg_pool2d(dense.features, coarse.shape[-2:]).detach() - SEEN
    x, y = (t.movedim(1, -1).flatten(0, -2).double() for t in (mine, coarse - coarse.mean((0, 2, 3), keepdim=True)))
    answer = torch.linalg.lstsq(x, y).solution
    explained = 1 - (x @ answer - y).square().sum() / y.square().sum()
    assert explained > 0.7, "six of ten components"


def test_leading_answers_have_variance_one_and_are_ordered() -> None:
    torch.manual_seed(0)
    fit, inputs, truth = Ridge(1e-12), torch.randn(4, 5, 8, 8), torch.randn(7, 5)
    fit.add(inputs, functional.conv2d(inputs, truth[..., None, None]) + 2)
    weight, bias = fit.leading(6)
    said = (
        (functional.conv2d(inputs.double(), weight[..., None, None]) + bias[:, None, None]).movedim(1, -1).flatten(0, 2)
    )
    covariance = said.T.cov(correction=0)
    torch.testing.assert_close(covariance[:5, :5], torch.eye(5, dtype=torch.float64), atol=1e-6, rtol=0)
    assert said[:, 5].abs().max() < 1e-4, "five inputs have no sixth answer"


def test_a_compact_student_cannot_be_given_features_of_nothing(student: CompactStudent) -> None:
    with pytest.raises(ShapeError, match="no images"):
        transplant(student, [])
