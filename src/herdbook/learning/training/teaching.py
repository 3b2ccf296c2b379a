"""What the teacher says of the frames in a batch: features from the store, masks from its decoder, moved alike."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from herdbook.learning.targets.store import Recipe, TargetStore
from herdbook.learning.training.augment import warped
from herdbook.learning.training.batches import Drawn
from herdbook.learning.training.frames import Frames
from herdnet.compact_batch import boxes_of
from herdnet.prompts import Prompts
from herdnet.sam3 import Teacher

LOGIT_STEP = 0.1
"""Mask logits are remembered in steps of so much, within ±12.7: int8 holds 63 MB instead of 250 for 2,400 frames."""

SURE = 6.0
"""Logit of what is certain: a probability of 0.998."""

TRUSTED = 0.5
"""Least IoU with the label of a mask that is taught: who missed the animal has nothing to say of its outline."""


_Said = tuple[NDArray[np.int8], NDArray[np.bool_]]


@dataclass
class Teaching:
    """A teacher's answers for the frames of one side.

    Args:
        teacher: in evaluation mode.
        store: its targets.
        recipe: which of them.
        frames: of the side.
        size: height and width of remembered masks.
    """

    teacher: Teacher
    store: TargetStore
    recipe: Recipe
    frames: Frames
    size: tuple[int, int]
    _masks: dict[int, _Said] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """Of the features."""
        return self.teacher.channels

    def features(self, drawn: Drawn) -> Tensor:
        """[B, C, g, g], moved as the frames were."""
        return warped(self._features(drawn.rows), drawn.affines, self._pixels)

    def masks(self, drawn: Drawn) -> Tensor:
        """[N, h, w] logits of the batch's animals, each prompted by the box of its label, moved as the frames were.

        Of animals that were put in or that the teacher missed, and where those that were put in cover others, the
        picture's truth is surer than the teacher.
        """
        truth = functional.adaptive_avg_pool2d(drawn.masks[None], self.size)[0]
        sure = (truth - 0.5) * 2 * SURE
        out = sure.clone()
        for k, row in enumerate(drawn.rows):
            here = np.flatnonzero(drawn.frame.numpy() == k)
            remembered, trusted = self._of_frame(int(row))
            own = here[drawn.own[here] >= 0]
            own = own[trusted[drawn.own[own]]]
            if len(own):
                said = torch.from_numpy(remembered[drawn.own[own]]).float() * LOGIT_STEP
                moved = warped(said[None], drawn.affines[k : k + 1], self._pixels, fill=-SURE)[0]
                covered = truth[here[drawn.own[here] < 0]].sum(0) > 0.5
                out[own] = torch.where(covered, sure[own], moved)
        return out

    @property
    def _pixels(self) -> tuple[int, int]:
        return self.frames.images.shape[2], self.frames.images.shape[3]

    def _features(self, rows: NDArray[np.int64]) -> Tensor:
        arrays = [self.store.get(self.recipe, self.frames.ids[row]) for row in rows]
        return torch.from_numpy(np.stack(arrays).astype(np.float32))

    @torch.no_grad()
    def _of_frame(self, row: int) -> _Said:
        """Logits in steps, and which of them are trusted. Asked once: the same frames come again in every epoch."""
        known = self._masks.get(row)
        if known is not None:
            return known
        count = len(self.frames.animals[row].identities)
        if not count:
            found = np.zeros((0, *self.size), np.int8), np.zeros(0, np.bool_)
        else:
            labels = torch.from_numpy(self.frames.maps[row])
            owned = (labels[None] == torch.arange(1, count + 1)[:, None, None]).float()
            scale = torch.tensor([self.teacher.side / labels.shape[1], self.teacher.side / labels.shape[0]])
            boxes = boxes_of(owned).float() * scale.repeat(2)
            said = self.teacher.masks_from_features(self._features(np.array([row])), Prompts(boxes=boxes[None]))
            logits = functional.interpolate(
                said.logits[0, :, :1], size=self.size, mode="bilinear", align_corners=False, antialias=True
            )[:, 0]
            true = functional.adaptive_avg_pool2d(owned[None], self.size)[0] > 0.5
            both, either = (true & (logits > 0)).sum((1, 2)), (true | (logits > 0)).sum((1, 2))
            steps = (logits / LOGIT_STEP).round().clamp(-127, 127).to(torch.int8).numpy()
            found = steps, (both / either.clamp(min=1) >= TRUSTED).numpy()
        self._masks[row] = found
        return found
