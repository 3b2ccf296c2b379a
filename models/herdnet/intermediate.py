"""Optional arms of distillation: what else of the teacher a student can be held to. Each is a loss of its own, to be
added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from transformers import Sam3TrackerVideoModel

from herdnet.errors import ShapeError
from herdnet.logits import LOGITS_ONLY, LogitWeights, logit_loss
from herdnet.losses import direction, tokens
from herdnet.prompts import Prompts, masks_from_features
from herdnet.pyramid import to_grid
from herdnet.sam3_config import vision


@contextmanager
def recorded_layers(tracker: Sam3TrackerVideoModel, layers: Sequence[int]) -> Iterator[list[Tensor]]:
    """Within this context, running the backbone appends the output [B, C, g, g] of these layers to the list it
    gives."""
    record: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        record.append(output.permute(0, 3, 1, 2))

    blocks = vision(tracker).backbone.layers
    hooks = [blocks[i].register_forward_hook(keep) for i in layers]
    try:
        yield record
    finally:
        for hook in hooks:
            hook.remove()


class IntermediateLoss(nn.Module):
    """Each level of the student's trunk, through a 1x1 convolution of its own, against a layer of the teacher
    (FitNets, 2014).

    The convolutions learn with the student and are thrown away afterwards.
    """

    def __init__(self, student_channels: Sequence[int], teacher_channels: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Conv2d(c, teacher_channels, 1) for c in student_channels)

    def forward(self, levels: Sequence[Tensor], layers: Sequence[Tensor]) -> Tensor:
        """Student levels [B, C_i, H_i, W_i] and as many teacher layers [B, C, g, g] → mean 1 - cosine."""
        if not len(levels) == len(layers) == len(self.project):
            raise ShapeError(f"{len(levels)} levels, {len(layers)} layers, {len(self.project)} projections")
        losses = [
            direction(tokens(project(to_grid(level, _grid(layer)))), tokens(layer.detach()))
            for project, level, layer in zip(self.project, levels, layers, strict=True)
        ]
        total: Tensor = sum(losses[1:], losses[0]) / len(losses)
        return total


def attention_transfer(student: Tensor, teacher: Tensor) -> Tensor:
    """Where activation is strong, whatever the channels mean: squared distance of normalised maps of mean square
    activation.

    [B, C_s, H, W] and [B, C_t, g, g] → scalar (Zagoruyko and Komodakis 2017, arXiv 1612.03928).
    """
    mine = attention_map(to_grid(student, _grid(teacher)))
    return (mine - attention_map(teacher.detach())).square().sum(-1).mean()


def attention_map(features: Tensor) -> Tensor:
    """[B, C, H, W] → [B, H * W] of length 1."""
    return functional.normalize(features.float().square().mean(1).flatten(1), dim=-1)


def prompted_loss(
    tracker: Sam3TrackerVideoModel,
    student: Tensor,
    target: Tensor,
    prompts: Prompts,
    weights: LogitWeights = LOGITS_ONLY,
) -> Tensor:
    """Prompt in the loop: the masks that the teacher's own decoder makes of student features against those of its
    targets.

    Features [B, C, g, g], prompts in pixels of the teacher's square input. Freeze the tracker's parameters yourself;
    gradients must flow through the decoder to the student.
    """
    mine = masks_from_features(tracker, student, prompts)
    theirs = masks_from_features(tracker, target.detach(), prompts)
    return logit_loss(mine.logits, theirs.logits, weights)


def _grid(features: Tensor) -> tuple[int, int]:
    return int(features.shape[-2]), int(features.shape[-1])
