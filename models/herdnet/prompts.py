"""From backbone features and prompts to masks: SAM 3's neck, prompt encoder and mask decoder, differentiable.

`Sam3TrackerVideoModel.forward` runs under inference mode and `Sam3TrackerModel` adds the no-memory embedding to the
wrong level of its neck (transformers 5.23), so the public parts of the video tracker are put together here (ADR
0086). Student features go through the same function: that is what prompt-in-the-loop training needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Sam3TrackerVideoModel

from herdnet.errors import PromptError, ShapeError
from herdnet.sam3_config import vision


@dataclass(frozen=True)
class Prompts:
    """What to segment: P objects in each of B images. Coordinates are x, y in pixels of the image that they are given
    with."""

    points: Tensor | None = None
    """[B, P, N, 2]"""
    labels: Tensor | None = None
    """[B, P, N]: 1 on the object, 0 beside it, -10 padding; all 1 when left out"""
    boxes: Tensor | None = None
    """[B, P, 4] as x0, y0, x1, y1"""

    def __post_init__(self) -> None:
        if self.points is None and self.boxes is None:
            raise PromptError("a prompt needs points or boxes")
        if self.points is not None and (self.points.ndim != 4 or self.points.shape[-1] != 2):
            raise PromptError(f"points must be [B, P, N, 2], not {list(self.points.shape)}")
        if self.boxes is not None and (self.boxes.ndim != 3 or self.boxes.shape[-1] != 4):
            raise PromptError(f"boxes must be [B, P, 4], not {list(self.boxes.shape)}")
        if self.labels is not None and (self.points is None or self.labels.shape != self.points.shape[:3]):
            raise PromptError("labels must be [B, P, N], one per point")
        if self.points is not None and self.boxes is not None and self.points.shape[:2] != self.boxes.shape[:2]:
            raise PromptError("points and boxes must be about the same objects")

    def scaled(self, source: tuple[int, int], side: int) -> Prompts:
        """From pixels of a (height, width) image to pixels of the network's square input."""
        by = torch.tensor([side / source[1], side / source[0]])
        return Prompts(
            None if self.points is None else self.points * by.to(self.points),
            self.labels,
            None if self.boxes is None else self.boxes * by.to(self.boxes).repeat(2),
        )


@dataclass(frozen=True)
class Masks:
    """What the decoder says about P prompts in each of B images."""

    logits: Tensor
    """[B, P, M, h, w], M = 1, or 3 candidates with `several`"""
    iou: Tensor
    """[B, P, M]: the decoder's own estimate of each mask's IoU, 0..1"""
    object_logits: Tensor
    """[B, P]: is there an object at all at this prompt"""

    def best(self) -> tuple[Tensor, Tensor]:
        """The candidate with the highest estimated IoU: logits [B, P, h, w] and score [B, P] = P(object) x IoU."""
        iou, index = self.iou.max(dim=-1)
        where = index[..., None, None, None].expand(*index.shape, 1, *self.logits.shape[-2:])
        return self.logits.gather(2, where).squeeze(2), iou * self.object_logits.sigmoid()


def neck(tracker: Sam3TrackerVideoModel, features: Tensor) -> list[Tensor]:
    """Backbone features [B, C, g, g] → what the decoder reads, fine to coarse: at 4g, at 2g, and [B, width, g, g]."""
    grid = tuple(tracker.backbone_feature_sizes[-1])
    if features.ndim != 4 or tuple(features.shape[-2:]) != grid:
        raise ShapeError(f"features must be [B, C, {grid[0]}, {grid[1]}], not {list(features.shape)}")
    maps, _ = vision(tracker).neck(features)
    decoder = tracker.mask_decoder
    return [
        decoder.conv_s0(maps[0]),
        decoder.conv_s1(maps[1]),
        maps[2] + tracker.no_memory_embedding.reshape(1, -1, 1, 1),
    ]


def decode(tracker: Sam3TrackerVideoModel, maps: list[Tensor], prompts: Prompts, *, several: bool = False) -> Masks:
    """Masks for prompts in pixels of the network's input. `several`: three candidates each, for a prompt as vague as
    one point."""
    labels = prompts.labels
    if prompts.points is not None and labels is None:
        labels = torch.ones(prompts.points.shape[:3], dtype=torch.int32, device=prompts.points.device)
    sparse, dense = tracker.prompt_encoder(
        input_points=prompts.points, input_labels=labels, input_boxes=prompts.boxes, input_masks=None
    )
    positions = tracker.get_image_wide_positional_embeddings().repeat(maps[-1].shape[0], 1, 1, 1)
    logits, iou, _, objects = tracker.mask_decoder(
        image_embeddings=maps[-1],
        image_positional_embeddings=positions,
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=several,
        high_resolution_features=maps[:-1],
    )
    return Masks(logits, iou, objects.squeeze(-1))


def masks_from_features(
    tracker: Sam3TrackerVideoModel, features: Tensor, prompts: Prompts, *, several: bool = False
) -> Masks:
    """Backbone features of the teacher or of a student, with prompts in pixels of the network's input → masks."""
    return decode(tracker, neck(tracker, features), prompts, several=several)
