"""First part of stage ``teacher``: its backbone learns to see animals before anybody asks it by prompts.

Every cell says what of it is animal, on a grid four times finer, and which way the animal's middle lies. A prompt asks
about one animal; this asks about every pixel, in a quarter of the time of a step of prompts (ADR 0149).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from herdbook.learning.training.batches import Drawn, Sampler, in_order
from herdbook.learning.training.frames import Frames
from herdbook.learning.training.params import Augmentation
from herdbook.learning.training.schedule import Schedule
from herdbook.learning.training.teacher import exam_rows
from herdnet.compact_losses import mask_dice
from herdnet.compact_targets import covering
from herdnet.sam3 import Teacher

FINER = 4
"""Sub-cells per side of a cell."""
OWN = 0.3
"""A cell of which one animal covers so much tells where that animal's middle is."""
COVER, MIDDLE = 2.0, 0.5
"""Weights of cross-entropy and of the offset, beside Dice at 1."""


class Sight(NamedTuple):
    """What there is to see in B frames, on grids of the backbone's g cells."""

    animal: Tensor
    """[B, FINER g, FINER g], share of each sub-cell."""
    offset: Tensor
    """[B, 2, g, g], cells to the middle, x and y."""
    known: Tensor
    """[B, 1, g, g], 1 where `offset` says something."""


class SightLearner(nn.Module):
    """A teacher and a layer that reads its backbone; its call returns the losses of what it sees."""

    def __init__(self, teacher: Teacher) -> None:
        super().__init__()
        self.teacher = teacher
        self.head = nn.Conv2d(teacher.channels, FINER**2 + 2, 1)

    def forward(self, images: Tensor, *there: Tensor) -> dict[str, Tensor]:
        """Losses by name, and ``total``; `there` as `Sight`."""
        animal, offset = self.see(images)
        wanted = Sight(*there)
        terms = {
            "cover": functional.binary_cross_entropy_with_logits(animal, wanted.animal),
            "dice": mask_dice(animal, wanted.animal),
            "middle": _error(functional.smooth_l1_loss(offset, wanted.offset, reduction="none"), wanted.known),
        }
        return terms | {"total": COVER * terms["cover"] + terms["dice"] + MIDDLE * terms["middle"]}

    def see(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of `Sight.animal`, and `Sight.offset`."""
        said = self.head(self.teacher.features(images)).float()
        return functional.pixel_shuffle(said[:, : FINER**2], FINER).squeeze(1), said[:, FINER**2 :]


@dataclass
class SightTask:
    """See `herdbook.learning.training.loop.Task`."""

    module: SightLearner
    sampler: Sampler
    validation: Frames

    def arguments(self, draw: int) -> tuple[Any, ...]:
        """A batch and what is to be seen in it."""
        drawn = self.sampler.draw(draw)
        return (drawn.images, *sight(drawn, self.module.teacher.grid))

    @torch.no_grad()
    def validate(self, module: nn.Module) -> Mapping[str, float]:
        """``cover_iou``: IoU of all animals together with the labels; ``middle_error``: cells, x and y alike."""
        assert isinstance(module, SightLearner)
        device = next(module.parameters()).device
        shared, either, errors = 0, 0, []
        for rows in exam_rows(self.validation):
            drawn = in_order(self.validation, rows)
            wanted = sight(drawn, module.teacher.grid)
            animal, offset = (found.cpu() for found in module.see(drawn.images.to(device)))
            shared += int(((animal > 0) & (wanted.animal > 0.5)).sum())
            either += int(((animal > 0) | (wanted.animal > 0.5)).sum())
            errors.append(float(_error((offset - wanted.offset).abs(), wanted.known)))
        return {"cover_iou": shared / max(either, 1), "middle_error": float(np.mean(errors)) if errors else 0.0}


def make_task(
    schedule: Schedule, augmentation: Augmentation, teacher: Teacher, training: Frames, validation: Frames
) -> SightTask:
    """Teach a teacher's backbone, in place."""
    sampler = Sampler(training, schedule.batch, 1, seed=schedule.seed, augmentation=augmentation)
    return SightTask(SightLearner(teacher), sampler, validation)


def sight(drawn: Drawn, grid: int) -> Sight:
    """What there is to see, from the masks of a batch."""
    frames = len(drawn.images)
    height, width = drawn.masks.shape[-2:]
    everything = torch.zeros(frames, height * width)
    everything.scatter_reduce_(0, drawn.frame[:, None].expand(-1, height * width), drawn.masks.flatten(1), "amax")
    cover = covering(drawn.masks, (grid, grid))
    at = torch.arange(grid) + 0.5
    mass = cover.sum((1, 2)).clamp(min=1e-6)
    middles = torch.stack([(cover * at).sum((1, 2)), (cover * at[:, None]).sum((1, 2))], 1) / mass[:, None]
    offset, known = torch.zeros(frames, 2, grid, grid), torch.zeros(frames, 1, grid, grid)
    for frame, mine, (x, y) in zip(drawn.frame.tolist(), cover > OWN, middles, strict=True):
        offset[frame, 0][mine] = (x - at).expand(grid, grid)[mine]
        offset[frame, 1][mine] = (y - at)[:, None].expand(grid, grid)[mine]
        known[frame, 0][mine] = 1
    return Sight(covering(everything.view(frames, height, width), (FINER * grid, FINER * grid)), offset, known)


def _error(each: Tensor, known: Tensor) -> Tensor:
    """Mean of [B, 2, g, g] where something is known."""
    return (each * known).sum() / (2 * known.sum()).clamp(min=1)
