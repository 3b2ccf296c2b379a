"""The compact student's heads: where animals are, and for a point, which pixels are the animal's and what it is like.

Every point becomes one filter over pixel embeddings e(p). Its weights may change linearly with the position r relative
to the point, and a quadratic form of r is added (an ellipse as the prior of a body's outline)::

    logit(p) = (w + u r_x + v r_y) . e(p)  +  a + b . r + r' C r

So pixels can vote "my animal's centre lies that way" (products of r and e), as conditional convolutions do (Tian et al.
2020, arXiv 2003.05664), but all points of a frame cost one matrix product.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from herdnet.compact_pyramid import separable

QUADRATIC = 6
"""1, x, y, x², xy, y²."""
OUTLINE = (1.0, 0.0, 0.0, -8.0, 0.0, -8.0)
"""What a mask is before anything is learned: a disc of about a third of a unit around its point."""
MOMENTS_SCALE = 8.0
"""Brings first moments, fractions of a unit, to the size of the other features."""


class Instances(NamedTuple):
    """What the decoder says of K points in each of B frames."""

    masks: Tensor
    """[B, K, H', W'] logits at half the pyramid's stride; above 0 is animal."""
    embeddings: Tensor
    """[B, K, D], L2 norm 1: how the animal looks."""
    postures: Tensor
    """[B, K, P] logits."""
    headings: Tensor
    """[B, K, 2], x and y of the direction of the head; its length grows with how sure it is."""
    quality: Tensor
    """[B, K] logits of how well the mask fits an animal: `herdnet.compact_losses.quality_loss`."""


class Saliency(nn.Module):
    """How much each cell is the middle of an animal: [B, C, h, w] → logits [B, 1, h, w]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = separable(width, width)
        self.out = nn.Conv2d(width, 1, 1)
        assert self.out.bias is not None
        nn.init.constant_(self.out.bias, -4.0)  # almost nowhere, so that training does not begin by unlearning

    def forward(self, features: Tensor) -> Tensor:
        """Features to logits."""
        logits: Tensor = self.out(self.block(features))
        return logits


def peaks(logits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The highest local maxima (3 x 3) of logits [B, 1, h, w]: probabilities [B, count], and cells x, y
    [B, count, 2] as whole numbers. Where there are fewer maxima the rest has probability near 0."""
    width = logits.shape[-1]
    highest = functional.max_pool2d(logits, 3, stride=1, padding=1)
    kept = torch.where(logits == highest, logits, torch.full_like(logits, -20.0))
    best, index = kept.flatten(1).topk(count, dim=1)
    return best.sigmoid(), torch.stack([index % width, index // width], dim=-1)


def at_cells(features: Tensor, cells: Tensor) -> Tensor:
    """Features [B, C, h, w] at cells [B, K, 2] (x, y, whole numbers) → [B, K, C]."""
    index = cells[..., 1] * features.shape[-1] + cells[..., 0]
    rows = index.unsqueeze(1).expand(-1, features.shape[1], -1)
    return features.flatten(2).gather(2, rows).transpose(1, 2)


class PointDecoder(nn.Module):
    """Points → masks, embeddings, postures, headings and how good the mask is."""

    def __init__(self, width: int, pixels: int, looks: int, dimensions: int, postures: int) -> None:
        super().__init__()
        self.pixels, self.moments = pixels, looks // 2
        self.upsample = nn.Sequential(separable(width, width), nn.Conv2d(width, 4 * pixels, 1), nn.PixelShuffle(2))
        last = nn.Linear(2 * width, 3 * pixels + QUADRATIC)
        nn.init.normal_(last.weight, std=0.01)
        last.bias.data[-QUADRATIC:] = torch.tensor(OUTLINE)
        self.filters = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(inplace=True), last)
        self.look = separable(width + 3, looks)
        self.embed = nn.Sequential(nn.Linear(looks, 2 * looks), nn.ReLU(inplace=True), nn.Linear(2 * looks, dimensions))
        seen = width + looks + 2 * self.moments
        self.state = nn.Sequential(
            nn.Linear(seen, 2 * width), nn.ReLU(inplace=True), nn.Linear(2 * width, postures + 3)
        )

    def forward(self, features: Tensor, pixels: Tensor, points: Tensor, stride: int, unit: float) -> Instances:
        """Decode points.

        Args:
            features: [B, C, h, w], the pyramid's map.
            pixels: [B, 3, h, w], the standardised image on the same grid: colour survives the trunk.
            points: [B, K, 2], x and y in pixels of the image; any point of an animal serves as its prompt.
            stride: pixels per cell.
            unit: pixels that count as 1 in relative positions.
        """
        height, width = features.shape[-2:]
        limit = torch.tensor([width - 1, height - 1], device=points.device)
        cells = torch.minimum((points / stride).long().clamp(min=0), limit)
        found = at_cells(features, cells)
        masks = self._masks(features, found, points / unit, 2 * unit / stride)
        soft = functional.avg_pool2d(masks.detach().sigmoid(), 2)
        mean, moments = self._pool(torch.cat([features, pixels], 1), soft, points / unit, unit / stride)
        said = self.state(torch.cat([found, mean, MOMENTS_SCALE * moments], -1))
        return Instances(
            masks,
            functional.normalize(self.embed(mean), dim=-1, eps=1e-6),
            said[..., :-3],
            said[..., -3:-1],
            said[..., -1],
        )

    def _masks(self, features: Tensor, found: Tensor, points: Tensor, cells_per_unit: float) -> Tensor:
        """Logits [B, K, 2h, 2w]."""
        e = self.upsample(features)
        x, y = grid(e, cells_per_unit)
        n = self.pixels
        w, u, v, rest = torch.split(self.filters(found), [n, n, n, QUADRATIC], dim=-1)
        px, py = points[..., :1], points[..., 1:]
        # r = p - point, so a filter that is linear in r is one in p with another constant part
        votes = torch.matmul(torch.cat([w - u * px - v * py, u, v], -1), torch.cat([e, e * x, e * y], 1).flatten(2))
        a, b, c, xx, xy, yy = torch.split(rest.unsqueeze(-1), 1, dim=2)
        rx, ry = x - px.unsqueeze(-1), y - py.unsqueeze(-1)
        outline = (a + b * rx + xx * rx * rx) + (c * ry + yy * ry * ry) + xy * rx * ry
        return votes.reshape(*points.shape[:2], *e.shape[-2:]) + outline

    def _pool(self, features: Tensor, soft: Tensor, points: Tensor, cells_per_unit: float) -> tuple[Tensor, Tensor]:
        """Means [B, K, L] of looks over masks, and first moments [B, K, 2M] of some of them about the point."""
        looks = self.look(features)
        x, y = grid(looks, cells_per_unit)
        some = looks[:, : self.moments]
        basis = torch.cat([looks, some * x, some * y], 1).flatten(2)
        share = soft.flatten(2)
        share = share / (share.sum(-1, keepdim=True) + 1.0)  # +1 cell: an empty mask pools nothing, not noise
        pooled = torch.matmul(share, basis.transpose(1, 2))
        mean, along_x, along_y = torch.split(pooled, [looks.shape[1], self.moments, self.moments], dim=-1)
        of_some = mean[..., : self.moments]
        moments = torch.cat([along_x - of_some * points[..., :1], along_y - of_some * points[..., 1:]], -1)
        return mean, moments


def grid(like: Tensor, cells_per_unit: float) -> tuple[Tensor, Tensor]:
    """Positions x [1, 1, 1, W] and y [1, 1, H, 1] of the cells' middles of a map, in units."""
    height, width = like.shape[-2:]
    x = (torch.arange(width, device=like.device, dtype=like.dtype) + 0.5) / cells_per_unit
    y = (torch.arange(height, device=like.device, dtype=like.dtype) + 0.5) / cells_per_unit
    return x.view(1, 1, 1, -1), y.view(1, 1, -1, 1)
