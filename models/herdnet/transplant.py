"""Feature transplant: the baseline that trains nothing. A frozen trunk and the best linear map from its levels to the
teacher's features.

Ridge regression, accumulated batch by batch, solved once: what a student scores above it is what its training was
good for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from herdnet.errors import ShapeError
from herdnet.pyramid import to_grid
from herdnet.student import Student


class Transplant(nn.Module):
    """A student whose pyramid is replaced by one 1x1 convolution over its trunk's levels, brought to the teacher's
    grid."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student.eval().requires_grad_(False)
        self.linear = nn.Conv2d(sum(level_channels(student)), student.config.channels, 1).requires_grad_(False)

    def levels(self, images: Tensor) -> Tensor:
        """[B, 3, S, S] → all levels on the grid, [B, sum of channels, grid, grid]."""
        grid = (self.student.config.grid, self.student.config.grid)
        return torch.cat([to_grid(level, grid) for level in self.student.pyramid_levels(images)], dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, S, S] in 0..1 → [B, channels, grid, grid]."""
        features: Tensor = self.linear(self.levels(images))
        return features

    @torch.no_grad()
    def fit(self, batches: Iterable[tuple[Tensor, Tensor]], ridge: float = 1e-3) -> None:
        """Solve for the map from (images, teacher features) pairs.

        Raises ShapeError when there are no batches.
        """
        fit = Ridge(ridge)
        for images, target in batches:
            fit.add(self.levels(images), target)
        weight, bias = fit.solve()
        self.linear.weight.copy_(weight[..., None, None])
        assert self.linear.bias is not None
        self.linear.bias.copy_(bias)


class Ridge:
    """Linear least squares with a free bias, accumulated batch by batch and solved once, in float64.

    `ridge` is relative to the inputs' mean square.
    """

    def __init__(self, ridge: float = 1e-3) -> None:
        self.ridge, self.gram, self.cross = ridge, torch.empty(0), torch.empty(0)

    def add(self, inputs: Tensor, targets: Tensor) -> None:
        """[B, C, H, W] and what is wanted of them, [B, D, H, W]."""
        x = _columns(inputs)
        x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
        gram, cross = x.T @ x, x.T @ _columns(targets)
        self.gram, self.cross = (self.gram + gram, self.cross + cross) if len(self.gram) else (gram, cross)

    def solve(self) -> tuple[Tensor, Tensor]:
        """Weight [D, C] and bias [D].

        Raises ShapeError when nothing was added.
        """
        if not len(self.gram):
            raise ShapeError("a transplant cannot be fitted to no images")
        penalty = torch.full_like(self.gram[0], self.ridge * float(self.gram.diagonal()[:-1].mean()))
        penalty[-1] = 0  # the bias is free
        solution = torch.linalg.solve(self.gram + penalty.diag(), self.cross)
        return solution[:-1].T, solution[-1]

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean [C] and covariance [C, C] of the inputs."""
        mean = self.gram[-1, :-1] / self.gram[-1, -1]
        return mean, self.gram[:-1, :-1] / self.gram[-1, -1] - mean.outer(mean)

    def leading(self, count: int) -> tuple[Tensor, Tensor]:
        """The `count` leading principal components of the answers, each with mean 0 and variance 1 (reduced-rank
        regression): weight [count, C] and bias [count]; rows beyond the rank are 0."""
        weight, _ = self.solve()
        mean, covariance = self.moments()
        values, vectors = torch.linalg.eigh(weight @ covariance @ weight.T)
        values, vectors = values.flip(0)[:count], vectors.flip(1)[:, :count]
        scale = torch.where(values > 1e-9 * values[0], values.clamp(min=1e-30).rsqrt(), torch.zeros_like(values))
        found = torch.zeros(count, weight.shape[1], dtype=weight.dtype)
        found[: len(values)] = scale[:, None] * (vectors.T @ weight)
        return found, -(found @ mean)


def level_channels(student: Student) -> Sequence[int]:
    """Channels of the trunk's levels that the student uses, fine to coarse."""
    channels = student.trunk.feature_info.channels()
    return [channels[i] for i in student.levels]


def _columns(features: Tensor) -> Tensor:
    """[B, C, H, W] → [B * H * W, C] in float64: normal equations square the condition number."""
    return features.movedim(1, -1).flatten(0, -2).double()
