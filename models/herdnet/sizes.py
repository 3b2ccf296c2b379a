"""How large the networks are, counted from their real classes without allocating a single weight."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from transformers import Sam3TrackerVideoModel

from herdnet.sam3_config import full_config, vision
from herdnet.student import Student, StudentConfig
from herdnet.substitute import substitute


@dataclass(frozen=True)
class Sizes:
    """Numbers of parameters."""

    teacher_backbone: int
    teacher_neck: int
    tracker: int
    """What teacher and student systems share: neck, prompts, memory, mask decoder."""
    teacher_system: int
    student_trunk: int
    student_head: int
    student: int
    student_system: int

    @property
    def ratio(self) -> float:
        """Teacher system over student system."""
        return self.teacher_system / self.student_system


def full_sizes(config: StudentConfig | None = None) -> Sizes:
    """SAM 3's video tracker and the student (full size unless `config` says otherwise) in its place."""
    with torch.device("meta"):
        tracker = Sam3TrackerVideoModel(full_config())
        student = Student(config)
        system = substitute(tracker, student)
    encoder = vision(tracker)
    return Sizes(
        teacher_backbone=parameters(encoder.backbone),
        teacher_neck=parameters(encoder.neck),
        tracker=parameters(tracker) - parameters(encoder.backbone),
        teacher_system=parameters(tracker),
        student_trunk=parameters(student.trunk),
        student_head=parameters(student.head),
        student=parameters(student),
        student_system=parameters(system),
    )


def parameters(network: nn.Module) -> int:
    """Trainable or not, each counted once."""
    return sum(parameter.numel() for parameter in network.parameters())
