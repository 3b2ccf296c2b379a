"""Stage ``align``: the encoder student learns to say what the teacher's backbone says, frame by frame.

Labels are not needed: every frame with a stored target teaches. They are needed to judge: the teacher's unchanged
tracker answers the teacher's own exam once from its own features and once from the student's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from herdbook.learning.datasets.reading import Frame
from herdbook.learning.targets.store import Recipe, TargetStore
from herdbook.learning.training.align_params import AlignParams
from herdbook.learning.training.frames import Frames
from herdbook.learning.training.teacher import Questions, examine
from herdnet.intermediate import attention_transfer
from herdnet.losses import NAMES, AlignmentWeights, alignment
from herdnet.pixels import resize
from herdnet.sam3 import Teacher
from herdnet.student import Student
from herdnet.substitute import substitute

READERS = 8
"""Threads that read a batch."""


class AlignLearner(nn.Module):
    """The student; its call returns the losses of a batch."""

    def __init__(self, student: Student, weights: AlignmentWeights, attention: float = 0.0) -> None:
        super().__init__()
        self.student, self.weights, self.attention = student, weights, attention

    def forward(self, images: Tensor, targets: Tensor, progress: Tensor) -> dict[str, Tensor]:
        """Images [B, 3, S, S], targets [B, C, g, g], and how much of training is done → losses by name, and
        ``total``."""
        said = self.student(images)
        found = alignment(said, targets, self.weights, float(progress))
        terms = {name: getattr(found, name) for name in NAMES}
        total = found.total
        if self.attention:
            terms["attention"] = attention_transfer(said, targets)
            total = total + self.attention * terms["attention"]
        return terms | {"total": total}


@dataclass
class AlignTask:
    """See `herdbook.learning.training.loop.Task`."""

    module: AlignLearner
    teacher: Teacher
    """In evaluation mode; its backbone is not asked and may be gone."""
    store: TargetStore
    recipe: Recipe
    training: Sequence[Frame]
    validation: Frames
    """Labelled, in the teacher's size."""
    params: AlignParams
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(READERS))

    def arguments(self, draw: int) -> tuple[Any, ...]:
        """Frames, what the teacher says of them, and progress."""
        schedule = self.params.schedule
        chance = np.random.default_rng([schedule.seed, draw])
        rows = chance.integers(0, len(self.training), schedule.batch)
        over = chance.random((schedule.batch, 2)) < (0.5 if self.params.mirrored else 0.0)
        frames = (self.training[row] for row in rows)
        images, targets = zip(*self._pool.map(self._read, frames, over), strict=True)
        progress = torch.tensor(schedule.progress(schedule.step_of(draw)))
        return torch.stack(images), torch.stack(targets), progress

    def validate(self, module: nn.Module) -> Mapping[str, float]:
        """``cosine`` to the teacher's features, mean over tokens, and the exam's figures (`teacher.examine`) of the
        teacher's tracker with the student in its backbone's place."""
        assert isinstance(module, AlignLearner)
        system = Teacher(substitute(self.teacher.tracker, module.student)).eval()
        system.to(next(module.parameters()).device)
        cosines: list[float] = []

        def see(asked: Questions, rows: NDArray[np.int64]) -> Tensor:
            said = system.features(asked.images)
            target = self.targets(rows).to(said.device)
            cosines.extend(functional.cosine_similarity(said, target, dim=1).mean((1, 2)).tolist())
            return said

        figures = examine(system, self.validation, see)
        return {"cosine": float(np.mean(cosines)), **figures}

    def teacher_figures(self) -> dict[str, float]:
        """The same exam answered from the stored targets, ``teacher_…``; and ``mean_cosine``, the cosine of the mean
        target of each cell to the targets: what a student that never looks could reach."""
        rows = np.arange(len(self.validation))
        targets = self.targets(rows)
        trivial = functional.cosine_similarity(targets.mean(0, keepdim=True), targets, dim=1)
        figures = examine(self.teacher, self.validation, lambda _, some: self.targets(some))
        return {f"teacher_{name}": value for name, value in figures.items()} | {"mean_cosine": float(trivial.mean())}

    def targets(self, rows: NDArray[np.int64]) -> Tensor:
        """[B, C, g, g] of frames of the validation side."""
        ids = self.validation.ids
        return torch.stack([torch.from_numpy(self.store.get(self.recipe, ids[row])) for row in rows])

    def _read(self, frame: Frame, over: NDArray[np.bool_]) -> tuple[Tensor, Tensor]:
        """A frame as the student sees it in the teacher's place (through the teacher's size), and its target; upside
        down, left to right, or both."""
        turned = [axis for axis, turn in zip((1, 2), over, strict=True) if turn]
        student, side = self.params.student, self.teacher.side
        image = torch.from_numpy(frame.image().copy()).permute(2, 0, 1)[None].float() / 255
        seen = resize(resize(image, (side, side)), (student.image_size, student.image_size))[0].clamp(0, 1)
        target = torch.from_numpy(self.store.get(self.recipe, frame.frame_id))
        return seen.flip(turned), target.flip(turned)
