"""The loss of the compact student, and the baseline that sees masks only."""

from __future__ import annotations

import pytest
import torch

from herdnet.errors import NonFiniteLossError, ShapeError
from herdnet.logits import LOGITS_ONLY, LogitWeights, dice, logit_loss, soft_bce


def test_is_the_published_mixture() -> None:
    student, teacher = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8)
    e = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    expected = 0.4 * 1.0 + 0.3 * soft_bce(student, teacher, 2.0) + 0.3 * dice(student, teacher.sigmoid())
    torch.testing.assert_close(logit_loss(student, teacher, embeddings=e), expected)


def test_dice_knows_whole_half_and_none() -> None:
    truth = torch.zeros(8, 8)
    truth[:4] = 1
    sure = 100.0
    assert float(dice(sure * (2 * truth - 1), truth, smooth=0)) == pytest.approx(0, abs=1e-5)
    assert float(dice(sure * torch.ones(8, 8), truth, smooth=0)) == pytest.approx(1 - 2 * 32 / (64 + 32))
    assert float(dice(sure * (1 - 2 * truth), truth, smooth=0)) == pytest.approx(1, abs=1e-5)


def test_soft_bce_is_least_at_the_teachers_own_logits() -> None:
    teacher = torch.randn(4, 8, 8)
    student = teacher.clone().requires_grad_()
    soft_bce(student, teacher).backward()
    assert student.grad is not None
    assert student.grad.abs().max() < 1e-6


def test_temperature_keeps_the_size_of_gradients() -> None:
    teacher = 0.01 * torch.randn(1000)
    sizes = []
    for temperature in (1.0, 4.0):
        student = torch.zeros(1000, requires_grad=True)
        soft_bce(student, teacher, temperature).backward()
        assert student.grad is not None
        sizes.append(float(student.grad.norm()))
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)


def test_logits_only_needs_no_embeddings_and_the_mixture_does() -> None:
    student, teacher = torch.randn(1, 8, 8), torch.randn(1, 8, 8)
    assert torch.isfinite(logit_loss(student, teacher, LOGITS_ONLY))
    with pytest.raises(ShapeError, match="embedding"):
        logit_loss(student, teacher)


def test_bad_input_is_an_error() -> None:
    with pytest.raises(ShapeError):
        logit_loss(torch.rand(1, 8, 8), torch.rand(1, 8, 9), LOGITS_ONLY)
    with pytest.raises(NonFiniteLossError):
        logit_loss(torch.full((1, 8, 8), float("nan")), torch.rand(1, 8, 8), LOGITS_ONLY)
    with pytest.raises(ValueError, match="temperature"):
        LogitWeights(temperature=0)
