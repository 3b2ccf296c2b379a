"""Masked crops: one animal alone on black, at one size, turned so that its body lies along the picture.

Turning takes away what differs between two views from above of the same animal; what stays is the coat.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from herdnet.errors import ShapeError

MARGIN = 1.15
"""A crop is this much longer than the body."""


def body_axes(masks: Tensor, headings: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Centroids [N, 2] and lengths [N] in mask pixels, and unit vectors [N, 2] along the body, of masks [N, h, w].

    The length is that of the ellipse with the same second moments. An empty mask has length 0 and the axis (1, 0).

    Args:
        masks: 0..1.
        headings: [N, 2]; where given, the axis points to the same side (the head).
    """
    mass = masks.sum((1, 2)).clamp(min=1e-6)
    x = torch.arange(masks.shape[2], device=masks.device, dtype=torch.float32).view(1, 1, -1) + 0.5
    y = torch.arange(masks.shape[1], device=masks.device, dtype=torch.float32).view(1, -1, 1) + 0.5
    soft = masks.float()
    cx, cy = (soft * x).sum((1, 2)) / mass, (soft * y).sum((1, 2)) / mass
    dx, dy = x - cx.view(-1, 1, 1), y - cy.view(-1, 1, 1)
    xx, yy = (soft * dx * dx).sum((1, 2)) / mass, (soft * dy * dy).sum((1, 2)) / mass
    xy = (soft * dx * dy).sum((1, 2)) / mass
    angle = 0.5 * torch.atan2(2 * xy, xx - yy)
    axis = torch.stack([angle.cos(), angle.sin()], 1)
    if headings is not None:
        backwards = (axis * headings.nan_to_num()).sum(1, keepdim=True) < 0
        axis = torch.where(backwards, -axis, axis)
    root = ((xx - yy) ** 2 / 4 + xy**2).sqrt()
    length = 4 * ((xx + yy) / 2 + root).clamp(min=0).sqrt()
    return torch.stack([cx, cy], 1), length, axis


def masked_crops(
    images: Tensor, frame: Tensor, masks: Tensor, size: int, headings: Tensor | None = None, *, turn: bool = True
) -> Tensor:
    """Crops [N, 3, size, size] of animals, black outside their masks.

    Args:
        images: [B, 3, H, W], 0..1.
        frame: [N], the frame of each animal.
        masks: [N, h, w], 0..1, of any size that covers the whole frame in its proportions.
        size: pixels per side.
        headings: [N, 2], direction of the head; with it, heads point right. Without, head and tail may be swapped.
        turn: lay bodies along the picture; otherwise upright squares.

    Raises:
        ShapeError: numbers of animals differ.
    """
    if not len(frame) == len(masks) or (headings is not None and len(headings) != len(masks)):
        raise ShapeError(f"{len(frame)} animals, {len(masks)} masks")
    if not len(masks):
        return images.new_zeros(0, 3, size, size)
    centre, length, axis = body_axes(masks, headings)
    if not turn:
        axis = torch.tensor([1.0, 0.0], device=masks.device).expand_as(axis)
    shape = torch.tensor([masks.shape[2], masks.shape[1]], device=masks.device, dtype=torch.float32)
    half = (length * MARGIN / 2).clamp(min=2).view(-1, 1)
    across = torch.stack([-axis[:, 1], axis[:, 0]], 1)
    # grid_sample's coordinates: -1..1 over the whole frame, x then y
    columns = torch.stack([axis * half, across * half, centre - shape / 2], 2) * 2 / shape.view(1, 2, 1)
    places = functional.affine_grid(columns.to(images.dtype), [len(masks), 3, size, size], align_corners=False)
    crops = []
    # one animal at a time, so that no frame is copied for each of its animals
    for k in range(len(masks)):
        seen = functional.grid_sample(images[frame[k]][None], places[k : k + 1], align_corners=False)
        inside = functional.grid_sample(masks[k].to(images.dtype)[None, None], places[k : k + 1], align_corners=False)
        crops.append(seen[0] * inside[0])
    return torch.stack(crops)
