"""Stage ``embed``: a small embedder of DINOv3's class learns to tell the dataset's animals apart by masked crops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from herdbook.learning.training.batches import Drawn, Sampler, in_order
from herdbook.learning.training.frames import UNKNOWN, Frames
from herdbook.learning.training.params import EmbedParams
from herdnet.contrastive import contrastive
from herdnet.crops import masked_crops
from herdnet.embedder import Embedder, embed, small_config

LEAST = 24
"""Cells of its mask that an animal must show to be learned from."""


class EmbedLearner(nn.Module):
    """The embedder; its call returns the loss of a batch of crops."""

    def __init__(self, embedder: Embedder, temperature: float, hardness: float) -> None:
        super().__init__()
        self.embedder, self.temperature, self.hardness = embedder, temperature, hardness

    def forward(self, crops: Tensor, identities: Tensor) -> dict[str, Tensor]:
        """The contrastive loss as ``total``."""
        vectors = self.embedder(crops)
        loss = contrastive(vectors, identities, temperature=self.temperature, hardness=self.hardness)
        return {"total": loss}


@dataclass
class EmbedTask:
    """See `herdbook.learning.training.loop.Task`."""

    module: EmbedLearner
    sampler: Sampler
    validation: Frames

    def arguments(self, draw: int) -> tuple[Any, ...]:
        """Crops of a batch's animals."""
        return crops_of(self.sampler.draw(draw), self.module.embedder.crop_size)

    def validate(self, module: nn.Module) -> Mapping[str, float]:
        """``rank1``: how often the nearest crop of another frame shows the same animal, among animals of its pen."""
        assert isinstance(module, EmbedLearner)
        rows = np.arange(0, len(self.validation), max(1, len(self.validation) // 96))
        crops, identities = crops_of(in_order(self.validation, rows), module.embedder.crop_size)
        vectors = embed(module.embedder, crops)
        return {"rank1": rank1(vectors, identities)}


def make_task(params: EmbedParams, training: Frames, validation: Frames) -> EmbedTask:
    """A small embedder with random weights by the schedule's seed."""
    torch.manual_seed(params.schedule.seed)
    embedder = Embedder.small(small_config(params.crop))
    augmentation = params.augmentation.model_copy(update={"paste": 0, "coat": 0.0})  # coats are who they are
    sampler = Sampler(
        training, params.schedule.batch, params.views, seed=params.schedule.seed, augmentation=augmentation
    )
    return EmbedTask(EmbedLearner(embedder, params.temperature, params.hardness), sampler, validation)


def crops_of(drawn: Drawn, size: int) -> tuple[Tensor, Tensor]:
    """Masked crops [N, 3, size, size] of the animals that show enough of themselves, and who they are [N]."""
    enough = drawn.masks.flatten(1).sum(1) >= LEAST
    known = enough & (drawn.identities != UNKNOWN)
    crops = masked_crops(drawn.images, drawn.frame[known], drawn.masks[known], size)
    return crops, drawn.identities[known]


def rank1(vectors: Tensor, identities: Tensor) -> float:
    """Share of crops whose nearest other crop is of the same animal, of those that have one; NaN where none has."""
    likeness = vectors @ vectors.T
    likeness.fill_diagonal_(-2)
    several = torch.bincount(identities, minlength=1)[identities] > 1 if len(identities) else identities.bool()
    right = identities[likeness.argmax(1)] == identities if len(identities) else several
    return float(right[several].float().mean()) if bool(several.any()) else float("nan")
