"""Feature transplant into the compact student: nothing of trunk and pyramid is trained.

The pyramid becomes the best linear map from the frozen trunk's levels to the teacher's features (reduced-rank ridge
regression, `herdnet.transplant.Ridge`), and both stay as they are; the heads may learn on top. What a student that was
distilled scores above it is what its training was good for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from herdnet.compact import CompactStudent
from herdnet.compact_pyramid import LightPyramid
from herdnet.pyramid import to_grid
from herdnet.transplant import Ridge

SEEN = 4.0
"""The map's answers, of variance 1, are shifted by so much: the pyramid ends in a ReLU."""
FAR = 10.0
"""Partial sums are kept from their ReLUs by so many standard deviations."""


@torch.no_grad()
def transplant(student: CompactStudent, batches: Iterable[tuple[Tensor, Tensor]], ridge: float = 1e-3) -> None:
    """Fit the student's pyramid to the teacher's features, and freeze it with the trunk.

    Args:
        student: whose trunk stays as it is.
        batches: images [B, 3, H, W] in 0..1 and the teacher's features of them, [B, D, h, w].
        ridge: relative to the mean square of the levels.

    Raises:
        ShapeError: there are no batches.
    """
    frozen(student.trunk)
    fit = Ridge(ridge)
    for images, features in batches:
        grid = (features.shape[-2], features.shape[-1])
        fit.add(torch.cat([to_grid(level, grid) for level in _levels(student, images)], 1), features)
    width = student.config.width
    fit.solve()  # says so where there is nothing
    weight, bias = fit.leading(width)
    set_linear(student.pyramid, weight, bias, fit.moments())
    frozen(student.pyramid)


def set_linear(pyramid: LightPyramid, weight: Tensor, bias: Tensor, moments: tuple[Tensor, Tensor]) -> None:
    """Make the pyramid answer ``weight @ levels + bias + SEEN``, coarser levels enlarged bilinearly, one by one.

    Args:
        pyramid: in place.
        weight, bias: [width, C] and [width], C the channels of all levels, fine to coarse.
        moments: mean [C] and covariance [C, C] of the levels: how far partial sums reach.
    """
    mean, covariance = moments
    channels = [_conv(lateral[0]).in_channels for lateral in pyramid.lateral]  # type: ignore[index]
    begins = [sum(channels[:k]) for k in range(len(channels))]
    shift = 0.0  # of what comes from above
    for k in reversed(range(len(channels))):
        mine = weight[:, begins[k] : begins[k] + channels[k]]
        _set_pointwise(pyramid.lateral[k], mine, (bias if k == 0 else torch.zeros_like(bias)) - shift)
        if k:
            so_far = weight[:, begins[k] :]
            spread = (so_far @ covariance[begins[k] :, begins[k] :] * so_far).sum(1).clamp(min=0).sqrt()
            shift = float(((so_far @ mean[begins[k] :]).abs() + FAR * spread).max())
            _set_identity(pyramid.between[k - 1], shift)
    _set_identity(pyramid.last, SEEN)


def frozen(module: nn.Module) -> None:
    """Nothing of it is learned, and what it measures of batches stays as it is, whoever says `train`."""
    module.eval().requires_grad_(False)
    module.register_forward_pre_hook(_stay)


def _stay(module: nn.Module, _: Any) -> None:
    module.eval()


def _levels(student: CompactStudent, images: Tensor) -> list[Tensor]:
    maps = student.trunk(student.standardise(images))
    return [maps[i] for i in student.levels]


def _set_pointwise(block: nn.Module, weight: Tensor, bias: Tensor) -> None:
    conv, norm = block.children()
    _conv(conv).weight.copy_(weight[..., None, None])
    _neutral(norm, bias)


def _set_identity(block: nn.Module, shift: float) -> None:
    """A separable convolution that passes on what it gets, shifted so that its ReLUs do nothing."""
    along, first, _, across, second, _ = block.children()
    kernel = _conv(along).weight.zero_()
    kernel[:, 0, kernel.shape[2] // 2, kernel.shape[3] // 2] = 1
    _neutral(first, torch.tensor(shift))
    _conv(across).weight.copy_(torch.eye(_conv(across).out_channels)[..., None, None])
    _neutral(second, torch.tensor(0.0))


def _neutral(norm: nn.Module, bias: Tensor) -> None:
    """A normalisation that only adds."""
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.weight.fill_(1)
    norm.bias.copy_(bias.expand_as(norm.bias))
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)


def _conv(module: nn.Module) -> nn.Conv2d:
    assert isinstance(module, nn.Conv2d)
    return module
