"""The student in the teacher's place: the same tracker, another backbone.

`Sam3TrackerVideoModel` reads one thing of its backbone, `last_hidden_state` [B, cells, channels]. So neck, prompts,
memory and decoder stay as they are, weights included: 465.8 M parameters become 60.2 M.

On disk such a system is a folder as transformers writes them, ``config.json`` and ``model.safetensors``, with the
student's configuration under ``student`` in the former.
"""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import Sam3TrackerVideoConfig, Sam3TrackerVideoModel
from transformers.modeling_outputs import BaseModelOutput

from herdnet.errors import ShapeError, WeightsUnavailableError
from herdnet.pixels import Standardise, resize
from herdnet.sam3_config import MEAN, STD, vision
from herdnet.student import Student, StudentConfig

STUDENT, CONFIG, WEIGHTS = "student", "config.json", "model.safetensors"
"""Key of the configuration, and the files."""


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


def save_system(system: Sam3TrackerVideoModel, folder: Path) -> None:
    """Write what `substitute` gave; weights by the names that its modules have here."""
    student: Student = vision(system).backbone.student
    config = json.loads(system.config.to_json_string(use_diff=False)) | {STUDENT: asdict(student.config)}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: value.detach().cpu().contiguous() for name, value in system.state_dict().items()}, folder / WEIGHTS
    )
    (folder / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def is_system(folder: Path) -> bool:
    """Whether a folder of weights holds a system with a student in the backbone's place."""
    try:
        return STUDENT in json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError, TypeError):
        return False


def load_system(folder: Path) -> Sam3TrackerVideoModel:
    """Read what `save_system` wrote, in evaluation mode. Raises WeightsUnavailableError."""
    try:
        said = json.loads((folder / CONFIG).read_bytes())
        student = Student(StudentConfig(**said.pop(STUDENT)))
        config = Sam3TrackerVideoConfig.from_dict(said)
        backbone: Any = config.vision_config
        layers = backbone.backbone_config.num_hidden_layers
        backbone.backbone_config.num_hidden_layers = 0  # it is replaced at once
        tracker = Sam3TrackerVideoModel(config)
        backbone.backbone_config.num_hidden_layers = layers
        vision(tracker).backbone = StudentBackbone(student)
        tracker.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WeightsUnavailableError(
            f"{folder}: cannot be loaded as a student in SAM 3's place ({first})",
            "Export it again: `herdbook learn substitute`.",
        ) from error
    tracker.train(False)
    return tracker
