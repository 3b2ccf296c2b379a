"""What the compact student learns from: frames, and the animals in them, one row per animal."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor

from herdnet.errors import ShapeError

UNKNOWN = -1
"""An identity or a posture that nobody has said."""


@dataclass(frozen=True)
class Batch:
    """B frames with N animals in all. What is not known is left out of the loss, never guessed."""

    images: Tensor
    """[B, 3, H, W], RGB, 0..1."""
    frame: Tensor
    """[N], the frame of each animal, 0..B-1."""
    masks: Tensor
    """[N, h, w], 0..1, the *visible* pixels, at any one size that covers the whole frame (half size is enough)."""
    identities: Tensor
    """[N], the same number for the same animal wherever it is seen, or `UNKNOWN`."""
    postures: Tensor
    """[N], index into the student's `postures`, or `UNKNOWN`."""
    headings: Tensor
    """[N, 2], direction of the head in the image (x right, y down), NaN where not known."""
    teacher_features: Tensor | None = None
    """[B, C, h', w'] of the teacher."""
    teacher_masks: Tensor | None = None
    """[N, h, w], the teacher's logits for the same animals."""
    ignore: Tensor | None = None
    """[B, h, w], 0..1, pixels that nothing is learned from (people who were masked out, doubtful places)."""

    def __post_init__(self) -> None:
        animals = len(self.frame)
        for name in ("masks", "identities", "postures", "headings", "teacher_masks"):
            value = getattr(self, name)
            if value is not None and len(value) != animals:
                raise ShapeError(f"a batch has {animals} animals, but {len(value)} {name}")
        for name in ("teacher_features", "ignore"):
            value = getattr(self, name)
            if value is not None and len(value) != len(self.images):
                raise ShapeError(f"a batch has {len(self.images)} frames, but {len(value)} {name}")
        if animals and (int(self.frame.min()) < 0 or int(self.frame.max()) >= len(self.images)):
            raise ShapeError(f"an animal's frame is not one of the batch's {len(self.images)}")

    def to(self, device: torch.device | str) -> Self:
        """The same batch elsewhere."""
        there: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        there = {name: None if value is None else value.to(device) for name, value in there.items()}
        return type(self)(**there)


def boxes_of(masks: Tensor) -> Tensor:
    """Masks [N, h, w] → boxes [N, 4] (x0, y0, x1, y1) in the masks' pixels; all 0 for an empty mask."""
    inside = masks > 0.5
    columns, rows = inside.any(1), inside.any(2)
    found = columns.any(1, keepdim=True)
    x0, y0 = columns.int().argmax(1), rows.int().argmax(1)
    x1 = columns.shape[1] - columns.flip(1).int().argmax(1)
    y1 = rows.shape[1] - rows.flip(1).int().argmax(1)
    return torch.stack([x0, y0, x1, y1], 1) * found
