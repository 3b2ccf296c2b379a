"""Stage ``distil``: the compact student learns from labels, the teacher's masks and the teacher's features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from herdbook.learning.training.batches import Drawn, Sampler
from herdbook.learning.training.detection import judge_student
from herdbook.learning.training.export import int8_drift
from herdbook.learning.training.frames import Frames
from herdbook.learning.training.params import DistilParams, Phase
from herdbook.learning.training.teacher import exam, ious_of
from herdbook.learning.training.teaching import Teaching
from herdnet.compact import CompactConfig, CompactStudent
from herdnet.compact_batch import Batch
from herdnet.compact_step import CompactWeights, FeatureAdapter, compact_step
from herdnet.compact_targets import covering


class CompactLearner(nn.Module):
    """Student and adapter as one module; its call returns the losses of a batch."""

    def __init__(self, student: CompactStudent, weights: CompactWeights, teacher_channels: int) -> None:
        super().__init__()
        self.student, self.weights = student, weights
        needs = weights.feature > 0 and teacher_channels > 0
        self.adapter = FeatureAdapter(student.config.width, teacher_channels) if needs else None

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Losses by name, and ``total``."""
        return compact_step(self.student, batch, self.weights, self.adapter)


def compact_config(params: DistilParams, behaviours: tuple[str, ...]) -> CompactConfig:
    """The student that is asked for; it judges the ethogram's behaviours in every frame."""
    return CompactConfig(**params.student.model_dump(), postures=behaviours)


@dataclass
class DistilTask:
    """See `herdbook.learning.training.loop.Task`."""

    module: CompactLearner
    sampler: Sampler
    validation: Frames
    teaching: Teaching | None
    params: DistilParams

    def arguments(self, draw: int) -> tuple[Any, ...]:
        """A batch, with what the teacher says of its frames."""
        phase = self._phase(draw)
        drawn = self.sampler.draw(draw, phase.batch if phase else None)
        weights = self.module.weights
        features = masks = None
        if self.teaching is not None and self.module.adapter is not None:
            features = self.teaching.features(drawn)
        if self.teaching is not None and (weights.soft_bce or weights.soft_dice):
            masks = self.teaching.masks(drawn)
        return (as_batch(shrunk(drawn, phase.image_size) if phase else drawn, features, masks),)

    def validate(self, module: nn.Module) -> Mapping[str, float]:
        """How well the averaged student finds animals, and how much of that int8 would change.

        ``point_iou`` is of the very points that the teacher's figure of that name is of.
        """
        assert isinstance(module, CompactLearner)
        figures = judge_student(module.student, self.validation)
        figures["point_iou"] = point_iou(module.student, self.validation)
        if self.params.drift_frames:
            figures |= int8_drift(module.student, self.sampler.frames, self.validation, self.params.drift_frames)
        return figures

    def _phase(self, draw: int) -> Phase | None:
        schedule = self.params.schedule
        done = schedule.progress(schedule.step_of(draw))
        return next((phase for phase in self.params.phases if done < phase.until), None)


@torch.no_grad()
def point_iou(student: CompactStudent, validation: Frames) -> float:
    """Mean IoU of the masks that the student's decoder gives for points on animals, 0..1."""
    height, width = validation.images.shape[2:]
    found: list[float] = []
    for asked in exam(validation, height):  # in a square of that side
        points = asked.points[:, :, 0] * torch.tensor([width / height, 1.0])
        device = next(student.parameters()).device
        said = student.prompt(student.dense(asked.images.to(device)), points.to(device))
        found += ious_of(said.masks.cpu(), asked.points_masks)
    return float(np.mean(found)) if found else 0.0


def shrunk(drawn: Drawn, size: tuple[int, int]) -> Drawn:
    """The same in smaller pictures; where pixels went stays told in the larger ones."""
    images = functional.interpolate(drawn.images, size=size, mode="area")
    return drawn._replace(images=images, masks=covering(drawn.masks, (size[0] // 2, size[1] // 2)))


def as_batch(drawn: Drawn, features: Tensor | None = None, masks: Tensor | None = None) -> Batch:
    """Frames as the student's step takes them. Heads are not told from tails in labels: no headings."""
    return Batch(
        drawn.images.contiguous(memory_format=torch.channels_last),
        drawn.frame,
        drawn.masks,
        drawn.identities,
        drawn.behaviours,
        torch.full((len(drawn.frame), 2), float("nan")),
        teacher_features=features,
        teacher_masks=masks,
    )


def make_task(
    params: DistilParams,
    behaviours: tuple[str, ...],
    training: Frames,
    validation: Frames,
    *,
    teaching: Teaching | None,
) -> DistilTask:
    """The student with random weights by the schedule's seed, or a trunk's own, and what it learns from."""
    torch.manual_seed(params.schedule.seed)
    known = Path(params.trunk_weights) if params.trunk_weights else None
    student = CompactStudent(compact_config(params, behaviours), known).to(memory_format=torch.channels_last)
    weights = CompactWeights(**params.losses.model_dump(), heading=0.0)
    if teaching is None:
        needed = weights.feature + weights.soft_bce + weights.soft_dice
        assert needed == 0, "these losses need a teacher"
    learner = CompactLearner(student, weights, teaching.channels if teaching else 0)
    sampler = Sampler(
        training,
        params.schedule.batch,
        params.views,
        seed=params.schedule.seed,
        augmentation=params.augmentation,
    )
    return DistilTask(learner, sampler, validation, teaching, params)
