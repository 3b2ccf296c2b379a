"""Stage ``teacher``: where SAM 3's weights are not at hand, a small network of its classes learns to answer prompts.

Half of the animals are prompted by a point, half by a box, as people and trackers prompt; points on the floor teach
the object score that tells animals from nothing (ADR 0116).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from herdbook.learning.training.batches import Drawn, Sampler, in_order
from herdbook.learning.training.frames import Frames
from herdbook.learning.training.params import TeacherParams
from herdnet.compact_batch import boxes_of
from herdnet.compact_losses import balanced_bce, mask_dice
from herdnet.prompts import Masks, Prompts, decode, neck
from herdnet.sam3 import Teacher
from herdnet.sam3_config import SmallTeacher
from herdnet.student import Student, StudentConfig

EXAM_PROMPTS = 4
"""Of each kind, per frame."""
EXAM_FRAMES = 64


class Questions(NamedTuple):
    """Prompts of B frames, in pixels of the teacher's square input, and their answers."""

    images: Tensor
    points: Tensor
    """[B, P, 1, 2]: some on animals, then some on the floor."""
    points_masks: Tensor
    """[B, P, h, w], empty on the floor."""
    boxes: Tensor
    """[B, Q, 4]; animals only."""
    boxes_masks: Tensor

    def to(self, device: Any) -> Self:
        """The same elsewhere."""
        return type(self)(*(tensor.to(device) for tensor in self))


class TeacherLearner(nn.Module):
    """The teacher; its call returns the losses of its answers."""

    def __init__(self, teacher: Teacher) -> None:
        super().__init__()
        self.teacher = teacher

    def forward(self, asked: Questions) -> dict[str, Tensor]:
        """Losses by name, and ``total``."""
        tracker = self.teacher.tracker
        maps = neck(tracker, self.teacher.features(asked.images))
        by_points = decode(tracker, maps, Prompts(asked.points))
        by_boxes = decode(tracker, maps, Prompts(boxes=asked.boxes))
        one, two = answer_losses(by_points, asked.points_masks), answer_losses(by_boxes, asked.boxes_masks)
        terms = {name: one[name] + two[name] for name in one}
        return terms | {"total": torch.stack(list(terms.values())).sum()}


def answer_losses(said: Masks, truth: Tensor) -> dict[str, Tensor]:
    """Masks against truth [B, P, H, W] where there is an animal, the estimate of their IoU, and whether there is one.

    SAM 2 learns from focal loss and Dice, 20 : 1; here from balanced cross-entropy and Dice, 1 : 1.
    """
    logits = said.logits[:, :, 0].float()
    wanted = functional.interpolate(truth, size=logits.shape[-2:], mode="bilinear", antialias=True)
    there = wanted.flatten(2).amax(2) > 0.5
    mine, theirs = logits[there], wanted[there]
    with torch.no_grad():
        a, b = mine > 0, theirs > 0.5
        iou = (a & b).sum((1, 2)) / (a | b).sum((1, 2)).clamp(min=1)
    objects = functional.binary_cross_entropy_with_logits(said.object_logits.float(), there.float())
    estimate = (said.iou[:, :, 0].float()[there] - iou).square()
    return {
        "bce": balanced_bce(mine, theirs),
        "dice": mask_dice(mine, theirs),
        "object": objects,
        "iou": estimate.sum() / max(len(iou), 1),
    }


@dataclass
class TeacherTask:
    """See `herdbook.learning.training.loop.Task`."""

    module: TeacherLearner
    sampler: Sampler
    validation: Frames
    prompts: int

    def arguments(self, draw: int) -> tuple[Any, ...]:
        """Questions about a batch."""
        chance = np.random.default_rng([self.sampler.seed, draw, 1])
        return (ask(self.sampler.draw(draw), self.module.teacher.side, self.prompts, chance),)

    def validate(self, module: nn.Module) -> Mapping[str, float]:
        """See `examine`."""
        assert isinstance(module, TeacherLearner)
        return examine(module.teacher, self.validation)


def make_task(params: TeacherParams, training: Frames, validation: Frames) -> TeacherTask:
    """A small teacher with random weights by the schedule's seed, or a trunk's own, and what it learns from."""
    torch.manual_seed(params.schedule.seed)
    size = SmallTeacher(**params.size.model_dump())
    eyes = None
    if params.eyes is not None:
        config = StudentConfig(**params.eyes.model_dump(), grid=size.grid, channels=size.channels)
        eyes = Student(config, Path(params.trunk_weights) if params.trunk_weights else None)
    teacher = Teacher.small(size, eyes)
    sampler = Sampler(
        training,
        params.schedule.batch,
        1,
        seed=params.schedule.seed,
        augmentation=params.augmentation,
    )
    return TeacherTask(TeacherLearner(teacher), sampler, validation, params.prompts)


def ask(drawn: Drawn, side: int, prompts: int, chance: np.random.Generator) -> Questions:
    """As many points on animals, points on the floor and boxes as `prompts`; animals repeat where there are fewer."""
    height, width = drawn.masks.shape[-2:]
    scale = np.array([side / width, side / height])
    points, points_masks, boxes, boxes_masks = [], [], [], []
    for k in range(len(drawn.images)):
        masks = drawn.masks[drawn.frame == k]
        masks = masks[masks.flatten(1).any(1)]
        floor = masks.sum(0).numpy() == 0
        empty = torch.zeros(prompts, height, width)
        chosen = (
            masks[torch.from_numpy(chance.integers(0, len(masks), 2 * prompts))]
            if len(masks)
            else empty.repeat(2, 1, 1)
        )
        spots = [_spot(mask.numpy() > 0.5, chance) for mask in chosen[:prompts]]
        spots += [_spot(floor, chance) for _ in range(prompts)]
        points.append(torch.from_numpy(np.stack(spots) * scale).float()[:, None])
        points_masks.append(torch.cat([chosen[:prompts], empty]))
        boxes.append(boxes_of(chosen[prompts:]).float() * torch.from_numpy(scale).float().repeat(2))
        boxes_masks.append(chosen[prompts:])
    return Questions(*(torch.stack(t) for t in ([*drawn.images], points, points_masks, boxes, boxes_masks)))


def _spot(mask: np.ndarray[Any, np.dtype[np.bool_]], chance: np.random.Generator) -> Any:
    """The middle of a random cell of a mask, x and y in cells; of the whole picture where the mask is empty."""
    cells = np.flatnonzero(mask) if mask.any() else np.arange(mask.size)
    y, x = divmod(int(chance.choice(cells)), mask.shape[1])
    return np.array([x + 0.5, y + 0.5])


@torch.no_grad()
def examine(
    teacher: Teacher,
    validation: Frames,
    see: Callable[[Questions, NDArray[np.int64]], Tensor] | None = None,
) -> dict[str, float]:
    """``point_iou``, ``box_iou``: mean IoU of masks by each prompt; ``object_accuracy``. All 0..1.

    Args:
        teacher: in evaluation mode; it runs where it is.
        validation: labelled frames.
        see: backbone features of the frames that are asked about, by their rows; the teacher's own if not given.
    """
    ious: dict[str, list[float]] = {"point_iou": [], "box_iou": []}
    right: list[float] = []
    for rows, one in zip(exam_rows(validation), exam(validation, teacher.side), strict=True):
        asked = one.to(next(teacher.parameters()).device)
        features = teacher.features(asked.images) if see is None else see(asked, rows)
        maps = neck(teacher.tracker, features)
        by_points = decode(teacher.tracker, maps, Prompts(asked.points))
        by_boxes = decode(teacher.tracker, maps, Prompts(boxes=asked.boxes))
        ious["point_iou"] += ious_of(by_points.logits[:, :, 0], asked.points_masks)
        ious["box_iou"] += ious_of(by_boxes.logits[:, :, 0], asked.boxes_masks)
        there = asked.points_masks.flatten(2).amax(2) > 0.5
        right += ((by_points.object_logits > 0) == there).float().flatten().tolist()
    figures = {name: float(np.mean(values)) if values else 0.0 for name, values in ious.items()}
    return figures | {"object_accuracy": float(np.mean(right)) if right else 0.0}


def exam(validation: Frames, side: int) -> Iterator[Questions]:
    """The same questions whoever is asked."""
    for number, rows in enumerate(exam_rows(validation)):
        yield ask(in_order(validation, rows), side, EXAM_PROMPTS, np.random.default_rng([7, 4 * number]))


def exam_rows(validation: Frames) -> Iterator[NDArray[np.int64]]:
    """What frames an exam is about: some 64, evenly over the side, four at a time."""
    rows = np.arange(0, len(validation), max(1, len(validation) // EXAM_FRAMES))
    for begin in range(0, len(rows), 4):
        yield rows[begin : begin + 4]


def ious_of(logits: Tensor, truth: Tensor) -> list[float]:
    """IoU of masks [B, P, h, w] with truth [B, P, H, W], on their own grid, where there is an animal."""
    wanted = functional.interpolate(truth, size=logits.shape[-2:], mode="bilinear", antialias=True) > 0.5
    there = wanted.flatten(2).any(2)
    a, b = logits[there] > 0, wanted[there]
    iou = (a & b).sum((1, 2)) / (a | b).sum((1, 2)).clamp(min=1)
    return [float(value) for value in iou]
