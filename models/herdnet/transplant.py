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
        """Solve for the map from (images, teacher features) pairs. `ridge` is relative to the inputs' mean variance.

        Raises ShapeError when there are no batches.
        """
        moments: tuple[Tensor, Tensor] | None = None
        for images, target in batches:
            x = _columns(self.levels(images))
            x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
            pair = (x.T @ x, x.T @ _columns(target))
            moments = pair if moments is None else (moments[0] + pair[0], moments[1] + pair[1])
        if moments is None:
            raise ShapeError("a transplant cannot be fitted to no images")
        gram, cross = moments
        penalty = torch.full_like(gram[0], ridge * float(gram.diagonal()[:-1].mean()))
        penalty[-1] = 0  # the bias is free
        solution = torch.linalg.solve(gram + penalty.diag(), cross).to(self.linear.weight.dtype)
        self.linear.weight.copy_(solution[:-1].T[..., None, None])
        assert self.linear.bias is not None
        self.linear.bias.copy_(solution[-1])


def level_channels(student: Student) -> Sequence[int]:
    """Channels of the trunk's levels that the student uses, fine to coarse."""
    channels = student.trunk.feature_info.channels()
    return [channels[i] for i in student.levels]


def _columns(features: Tensor) -> Tensor:
    """[B, C, H, W] → [B * H * W, C] in float64: normal equations square the condition number."""
    return features.movedim(1, -1).flatten(0, -2).double()
