"""Where the compact student should look, from masks of what is visible."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SIGMA = 0.14
"""Width of a target's peak, times the square root of the visible area."""
MIN_SIGMA = 0.7
"""Cells; an animal that is almost hidden still has a peak."""


def covering(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Masks [N, h, w] on another grid, as the share of each cell that is covered."""
    if tuple(masks.shape[-2:]) == size:
        return masks.float()
    given = masks.float().unsqueeze(1)
    if masks.shape[-2] >= size[0] and masks.shape[-1] >= size[1]:
        return functional.adaptive_avg_pool2d(given, size).squeeze(1)
    return functional.interpolate(given, size, mode="bilinear", align_corners=False).squeeze(1)


def middles(cover: Tensor) -> tuple[Tensor, Tensor]:
    """The cell (x, y) [N, 2] of each animal's mask [N, h, w] that lies nearest to its centroid, and whether anything
    of it is visible [N].

    A centroid alone will not do: an animal seen on both sides of another has its centroid on the other.
    """
    height, width = cover.shape[-2:]
    x, y = _positions(cover)
    mass = cover.sum((1, 2))
    cx = ((cover * x).sum((1, 2)) / mass.clamp(min=1e-6)).view(-1, 1, 1)
    cy = ((cover * y).sum((1, 2)) / mass.clamp(min=1e-6)).view(-1, 1, 1)
    far = float(height * height + width * width)
    solid = cover >= 0.5 * cover.amax((1, 2), keepdim=True)
    distance = (x - cx) ** 2 + (y - cy) ** 2 + torch.where(solid, 0.0, far)
    index = distance.flatten(1).argmin(1) if len(cover) else mass.long()
    return torch.stack([index % width, index // width], 1), mass > 0.25


def any_point(cover: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A random cell (x, y) [N, 2] of each animal's mask [N, h, w]: what a teacher or a person might point at."""
    width = cover.shape[-1]
    flat = cover.flatten(1) + 1e-9
    index = torch.multinomial(flat, 1, generator=generator).squeeze(1) if len(cover) else flat.sum(1).long()
    return torch.stack([index % width, index // width], 1)


def heat(cells: Tensor, cover: Tensor, frame: Tensor, seen: Tensor, frames: int) -> Tensor:
    """Peaks of height 1 at the animals' middles [B, 1, h, w]; where two reach, the higher counts (Zhou et al. 2019)."""
    height, width = cover.shape[-2:]
    x, y = _positions(cover)
    sigma = (SIGMA * cover.sum((1, 2)).sqrt()).clamp(min=MIN_SIGMA).view(-1, 1, 1)
    distance = (x - cells[:, 0].view(-1, 1, 1)) ** 2 + (y - cells[:, 1].view(-1, 1, 1)) ** 2
    hills = torch.exp(-distance / (2 * sigma**2)) * seen.view(-1, 1, 1)
    target = cover.new_zeros(frames, height * width)
    index = frame.view(-1, 1).expand(-1, height * width)
    target.scatter_reduce_(0, index, hills.flatten(1), "amax")
    return target.view(frames, 1, height, width)


def _positions(cover: Tensor) -> tuple[Tensor, Tensor]:
    height, width = cover.shape[-2:]
    x = torch.arange(width, device=cover.device, dtype=cover.dtype).view(1, 1, -1)
    return x, torch.arange(height, device=cover.device, dtype=cover.dtype).view(1, -1, 1)
