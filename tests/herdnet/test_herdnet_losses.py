"""Direction first, then scale: each of the four terms sees a case that the other three do not."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from herdnet.errors import NonFiniteLossError, ShapeError
from herdnet.losses import AlignmentWeights, alignment


def as_map(tokens: Tensor) -> Tensor:
    """[N, C] tokens → features [1, C, N, 1]."""
    return tokens.T[None, :, :, None]


def terms(student: Tensor, target: Tensor) -> dict[str, float]:
    loss = alignment(as_map(student), as_map(target), AlignmentWeights(relation_tokens=10_000))
    return {name: float(getattr(loss, name)) for name in ("direction", "relations", "magnitude", "residual")}


def random_tokens(n: int = 64, channels: int = 16, seed: int = 0) -> Tensor:
    return torch.randn(n, channels, generator=torch.Generator().manual_seed(seed))


def test_a_perfect_student_costs_nothing() -> None:
    target = random_tokens()
    assert all(value == pytest.approx(0, abs=1e-5) for value in terms(target, target).values())


def test_only_direction_sees_faint_tokens_pointing_the_wrong_way_together() -> None:
    # strong tokens along (1, 1), faint ones along (1, -1): both use the same channels, at right angles to each other
    strong = torch.linspace(50, 150, 32)[:, None] * torch.tensor([1.0, 1.0])
    faint = 0.05 * torch.ones(32, 1) * torch.tensor([1.0, -1.0])
    seen = terms(torch.cat([strong, -faint]), torch.cat([strong, faint]))
    assert seen["direction"] == pytest.approx(1.0, abs=1e-3)  # half the tokens point backwards
    assert max(seen["relations"], seen["magnitude"], seen["residual"]) < 1e-4


def test_only_relations_tell_a_common_rotation_from_a_scatter() -> None:
    # both students turn every token by the same angle; one turns all the same way, the other half of them the other way
    angle = torch.tensor(0.4)
    target = torch.tensor([[1.0, 0.0]]).repeat(64, 1)
    target[32:] = torch.tensor([0.0, 1.0])

    def turned(by: Tensor) -> Tensor:
        cos, sin = by.cos(), by.sin()
        return torch.stack([cos * target[:, 0] - sin * target[:, 1], sin * target[:, 0] + cos * target[:, 1]], dim=1)

    together = terms(turned(angle.repeat(64)), target)
    scattered = terms(turned(torch.where(torch.arange(64) % 2 == 0, angle, -angle)), target)
    assert together["relations"] < 1e-6
    assert scattered["relations"] > 0.01
    for name in ("direction", "magnitude", "residual"):
        assert scattered[name] == pytest.approx(together[name], abs=1e-5)


def test_only_magnitude_tells_vanishing_from_doubling() -> None:
    target = random_tokens()
    vanishing, doubling = terms(1e-3 * target, target), terms((2 - 1e-3) * target, target)
    assert vanishing["magnitude"] > 50 * doubling["magnitude"] > 0
    for name in ("direction", "relations", "residual"):
        assert vanishing[name] == pytest.approx(doubling[name], abs=1e-5)


def test_only_the_residual_hears_a_quiet_channel() -> None:
    # one channel carries the length, as in vision transformers; the quiet one carries what the student gets wrong
    target = torch.stack(
        [torch.full((64,), 100.0) + random_tokens(64, 1)[:, 0], 0.01 * random_tokens(64, 1, 1)[:, 0]], 1
    )
    student = target * torch.tensor([1.0, -1.0])
    seen = terms(student, target)
    assert seen["residual"] > 0.3
    assert max(seen["direction"], seen["relations"], seen["magnitude"]) < 1e-6


@given(st.floats(0.01, 100), st.integers(0, 10))
def test_directions_are_blind_to_scale(scale: float, seed: int) -> None:
    target, student = random_tokens(seed=seed), random_tokens(seed=seed + 100)
    one, other = terms(student, target), terms(scale * student, target)
    assert one["direction"] == pytest.approx(other["direction"], abs=1e-4)
    assert one["relations"] == pytest.approx(other["relations"], abs=1e-4)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_scale_comes_in_along_a_straight_ramp(progress: float, a: float, b: float) -> None:
    begin, end = sorted((a, b))
    weights = AlignmentWeights(ramp_begin=begin, ramp_end=end)
    scale = weights.scale(progress)
    assert 0 <= scale <= 1
    if progress >= end:
        assert scale == 1
    elif progress <= begin:
        assert scale == 0
    else:
        assert scale == pytest.approx((progress - begin) / (end - begin))


def test_before_the_ramp_a_gradient_only_turns() -> None:
    student = random_tokens(seed=1).requires_grad_()
    alignment(as_map(student), as_map(random_tokens()), progress=0.0).total.backward()
    assert student.grad is not None
    along = (student.grad * student).sum(-1)  # a gradient of a function of directions is at right angles to the token
    assert along.abs().max() < 1e-6
    assert student.grad.abs().max() > 1e-4


def test_the_total_is_the_weighted_sum() -> None:
    student, target = as_map(random_tokens(seed=1)), as_map(random_tokens())
    weights = AlignmentWeights(1.0, 2.0, 3.0, 4.0)
    loss = alignment(student, target, weights, progress=0.25)
    scale = weights.scale(0.25)
    expected = loss.direction + 2 * loss.relations + scale * (3 * loss.magnitude + 4 * loss.residual)
    assert float(loss.total) == pytest.approx(float(expected))


def test_it_can_be_descended() -> None:
    target = as_map(random_tokens())
    student = as_map(random_tokens(seed=3)).clone().requires_grad_()
    optimiser = torch.optim.Adam([student], lr=0.1)
    begin = float(alignment(student.detach(), target).total)
    for step in range(100):
        optimiser.zero_grad()
        alignment(student, target, progress=step / 100).total.backward()
        optimiser.step()
    assert float(alignment(student.detach(), target).total) < 0.05 * begin


def test_half_precision_and_zero_targets_stay_finite() -> None:
    student = torch.randn(2, 8, 4, 4).bfloat16().requires_grad_()
    loss = alignment(student, torch.zeros(2, 8, 4, 4, dtype=torch.bfloat16))
    loss.total.backward()
    assert torch.isfinite(loss.total)
    assert student.grad is not None
    assert torch.isfinite(student.grad).all()


def test_targets_get_no_gradient() -> None:
    student, target = torch.randn(1, 8, 4, 4, requires_grad=True), torch.randn(1, 8, 4, 4, requires_grad=True)
    alignment(student, target).total.backward()
    assert target.grad is None


def test_a_nan_is_an_error_that_names_the_terms() -> None:
    with pytest.raises(NonFiniteLossError, match="direction nan"):
        alignment(torch.full((1, 8, 4, 4), float("nan")), torch.rand(1, 8, 4, 4))


def test_shapes_must_agree() -> None:
    with pytest.raises(ShapeError):
        alignment(torch.rand(1, 8, 4, 4), torch.rand(1, 8, 5, 4))


@pytest.mark.parametrize("wrong", [{"direction": -1}, {"ramp_begin": 0.5, "ramp_end": 0.4}, {"relation_tokens": 1}])
def test_weights_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"."):
        AlignmentWeights(**wrong)  # type: ignore[arg-type]


def test_terms_are_of_float32_under_mixed_precision_too() -> None:
    torch.manual_seed(0)
    student, target = torch.randn(2, 32, 6, 6), torch.randn(2, 32, 6, 6)
    plain = alignment(student, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = alignment(student, target)
    assert mixed.relations == plain.relations
    assert mixed.total.dtype == torch.float32
