"""A pyramid light enough for a CPU: top-down sums at each level's own size, one separable convolution at the end.

`herdnet.pyramid` serves the teacher's grid and spends its width there; here only the finest level is wanted, and
batch normalisation, which int8 folds into the convolutions (ADR 0093).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from herdnet.errors import ShapeError


class LightPyramid(nn.Module):
    """Levels of a trunk, fine to coarse → one map [B, width, h, w] at the finest level's size."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(pointwise(count, width) for count in channels)
        self.between = nn.ModuleList(separable(width, width) for _ in channels[1:])
        self.last = separable(width, width)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """One [B, C_i, H_i, W_i] per level, fine to coarse → [B, width, H_0, W_0]."""
        if len(levels) != len(self.lateral):
            raise ShapeError(f"the pyramid was built for {len(self.lateral)} levels, not {len(levels)}")
        above: Tensor = self.lateral[-1](levels[-1])
        for k in range(len(levels) - 2, -1, -1):
            smooth: Tensor = self.between[k](above)
            grown = functional.interpolate(smooth, size=levels[k].shape[-2:], mode="bilinear", align_corners=False)
            above = self.lateral[k](levels[k]) + grown
        features: Tensor = self.last(above)
        return features


def pointwise(inputs: int, outputs: int) -> nn.Sequential:
    """1x1 convolution and batch normalisation, no activation."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


def separable(inputs: int, outputs: int) -> nn.Sequential:
    """Depthwise 3x3 and pointwise convolution, each normalised; ReLU between and after."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
