"""The student in the teacher's place: the same tracker, another backbone.

`Sam3TrackerVideoModel` reads one thing of its backbone, `last_hidden_state` [B, cells, channels]. So neck, prompts,
memory and decoder stay as they are, weights included: 465.8 M parameters become 60.2 M.
"""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn
from transformers import Sam3TrackerVideoModel
from transformers.modeling_outputs import BaseModelOutput

from herdnet.errors import ShapeError
from herdnet.pixels import Standardise, resize
from herdnet.sam3_config import MEAN, STD, vision
from herdnet.student import Student


class StudentBackbone(nn.Module):
    """A student that takes SAM 3's pixels (1008 squared, standardised by 0.5) and answers in its tokens."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student
        self.theirs = Standardise(MEAN, STD)

    def forward(self, pixel_values: Tensor, **_: Any) -> BaseModelOutput:
        """[B, 3, side, side] → `last_hidden_state` [B, grid * grid, channels]."""
        side = self.student.config.image_size
        images = resize(self.theirs.undo(pixel_values), (side, side)).clamp(0, 1)
        features = self.student(images.to(next(self.student.parameters()).dtype))
        return BaseModelOutput(last_hidden_state=features.flatten(2).transpose(1, 2))


def substitute(tracker: Sam3TrackerVideoModel, student: Student) -> Sam3TrackerVideoModel:
    """A copy of `tracker` that sees through `student`; `tracker` itself stays as it is, its large backbone is not
    copied.

    Raises ShapeError when the student was built for another grid or another number of channels.
    """
    encoder = vision(tracker)
    wanted = (int(tracker.backbone_feature_sizes[-1][0]), int(encoder.config.backbone_config.hidden_size))
    if (student.config.grid, student.config.channels) != wanted:
        raise ShapeError(
            f"the tracker reads {wanted[1]} channels on a grid of {wanted[0]}, the student gives "
            f"{student.config.channels} on {student.config.grid}",
            "Build the student with the teacher's `grid` and `channels`.",
        )
    backbone, encoder.backbone = encoder.backbone, nn.Identity()
    try:
        system = copy.deepcopy(tracker)
    finally:
        encoder.backbone = backbone
    vision(system).backbone = StudentBackbone(student)
    return system
