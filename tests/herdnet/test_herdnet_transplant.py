"""The untrained baseline finds the best linear map, and only that."""

from __future__ import annotations

import pytest
import torch

from herdnet.errors import ShapeError
from herdnet.student import Student, StudentConfig
from herdnet.transplant import Transplant

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
