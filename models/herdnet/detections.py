"""Animals found in one image, and the suppression of those found twice."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Detections:
    """N animals, best first."""

    masks: Tensor
    """bool [N, H, W] in pixels of the image"""
    scores: Tensor
    """[N] in 0..1"""
    boxes: Tensor
    """[N, 4] as x0, y0, x1, y1; the far edges are exclusive"""

    def __len__(self) -> int:
        return len(self.scores)


def detections(
    logits: Tensor, scores: Tensor, size: tuple[int, int], *, overlap: float, smallest: int = 4
) -> Detections:
    """Mask logits [N, h, w] and scores [N] → distinct animals in an image of `size` (height, width).

    Of two masks with IoU above `overlap` the better stays; masks under `smallest` cells are dropped.
    """
    kept = distinct(logits > 0, scores, overlap=overlap, smallest=smallest)
    if not len(kept):
        empty = torch.zeros(0, *size, dtype=torch.bool, device=logits.device)
        return Detections(empty, scores[:0], torch.zeros(0, 4, device=logits.device))
    large = functional.interpolate(logits[kept][None].float(), size=size, mode="bilinear", align_corners=False)[0]
    masks = large > 0
    return Detections(masks, scores[kept], boxes_of(masks))


def distinct(masks: Tensor, scores: Tensor, *, overlap: float, smallest: int = 1) -> Tensor:
    """Indices, best first, of masks (bool [N, h, w]) that overlap no better mask with IoU above `overlap`."""
    order = scores.argsort(descending=True, stable=True)
    order = order[masks[order].flatten(1).sum(1) >= smallest]
    flat = masks[order].flatten(1).float()
    shared = flat @ flat.T
    area = flat.sum(1)
    iou = shared / (area[:, None] + area[None] - shared).clamp(min=1)
    kept: list[int] = []
    for i in range(len(order)):
        if not kept or bool((iou[i, kept] <= overlap).all()):
            kept.append(i)
    return order[torch.tensor(kept, dtype=torch.long, device=order.device)]


def boxes_of(masks: Tensor) -> Tensor:
    """bool [N, H, W] → [N, 4] x0, y0, x1, y1 with exclusive far edges; zeros for an empty mask."""
    boxes = torch.zeros(len(masks), 4, device=masks.device)
    for i, mask in enumerate(masks):
        y, x = torch.where(mask)
        if len(x):
            boxes[i] = torch.stack([x.min(), y.min(), x.max() + 1, y.max() + 1]).float()
    return boxes
