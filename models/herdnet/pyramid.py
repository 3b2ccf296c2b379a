"""A feature-pyramid head that ends on one grid: the teacher's.

Lin et al. 2017 (arXiv 1612.03144) build a pyramid to keep every level. Here only one output is wanted, and it lies on
none of the trunk's levels: SAM 3's backbone works on patches of 14 pixels, 72 x 72 of them, a trunk at 1024 pixels on
256, 128, 64 and 32. So every level is brought to the wanted grid *first*, where convolutions are cheap, and the
top-down sum happens there (ADR 0085).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from herdnet.errors import ShapeError


class Pyramid(nn.Module):
    """Levels of a trunk, fine to coarse → one map [B, out_channels, *grid].

    The last convolution has no normalisation and no activation: features have any sign and any size.
    """

    def __init__(
        self,
        channels: Sequence[int],
        *,
        grid: tuple[int, int],
        out_channels: int,
        width: int,
        groups: int = 8,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if width % groups or out_channels % groups:
            raise ShapeError(f"{groups} groups divide neither a width of {width} nor {out_channels} channels evenly")
        self.grid = grid
        self.lateral = nn.ModuleList(_block(count, width, 1, groups) for count in channels)
        self.smooth = nn.ModuleList(_block(width, width, 3, groups) for _ in channels)
        self.fuse = nn.Sequential(*_block(width * len(channels), out_channels, 1, groups), nn.Dropout(dropout))
        self.project = nn.Conv2d(out_channels, out_channels, 3, padding=1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """One [B, C_i, H_i, W_i] per level of the trunk, fine to coarse → [B, out_channels, *grid]."""
        if len(levels) != len(self.lateral):
            raise ShapeError(f"the pyramid was built for {len(self.lateral)} levels, not {len(levels)}")
        merged: list[Tensor] = []
        above: Tensor | None = None
        for level, lateral, smooth in zip(reversed(levels), reversed(self.lateral), reversed(self.smooth), strict=True):
            here: Tensor = lateral(to_grid(level, self.grid))
            above = here if above is None else here + above
            merged.append(smooth(above))
        features: Tensor = self.project(self.fuse(torch.cat(merged, dim=1)))
        return features


def to_grid(level: Tensor, grid: tuple[int, int]) -> Tensor:
    """[B, C, H, W] → [B, C, *grid]: averaged down by powers of two while it stays at or above the grid, then bilinear.

    Never skips a cell (each bilinear step shrinks by less than two), and uses only operations that every export
    knows; an antialiased resize does not.
    """
    height, width = level.shape[-2:]
    factor = (_halvings(height, grid[0]), _halvings(width, grid[1]))
    if factor != (1, 1):
        level = functional.avg_pool2d(level, factor)
    if tuple(level.shape[-2:]) == grid:
        return level
    return functional.interpolate(level, size=grid, mode="bilinear", align_corners=False)


def _halvings(size: int, wanted: int) -> int:
    """The largest power of two that divides `size` and leaves at least `wanted`."""
    factor = 1
    while size % (2 * factor) == 0 and size // (2 * factor) >= wanted:
        factor *= 2
    return factor


def _block(inputs: int, outputs: int, kernel: int, groups: int) -> nn.Sequential:
    """Convolution, GroupNorm (batches are small at full size), GELU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.GroupNorm(groups, outputs),
        nn.GELU(),
    )
