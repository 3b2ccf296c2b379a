"""Distillation from masks instead of features: the recipe of the compact student, and the logits-only baseline.

From a 6 MB student of SAM 2 for edge inspection: 0.4 (1 - cosine of embeddings) + 0.3 soft BCE (temperature 2) + 0.3
Dice. `AlignmentWeights` is the other way; `LOGITS_ONLY` is the baseline that features must beat.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from herdnet.errors import NonFiniteLossError, ShapeError


@dataclass(frozen=True)
class LogitWeights:
    """Weights of the three terms, and the temperature that softens the teacher's masks."""

    embedding: float = 0.4
    bce: float = 0.3
    dice: float = 0.3
    temperature: float = 2.0

    def __post_init__(self) -> None:
        if min(self.embedding, self.bce, self.dice) < 0 or self.temperature <= 0:
            raise ValueError("weights are not negative and the temperature is positive")


LOGITS_ONLY = LogitWeights(embedding=0.0, bce=0.5, dice=0.5)
"""The two mask terms in the same proportion, and nothing else."""


def logit_loss(
    student: Tensor,
    teacher: Tensor,
    weights: LogitWeights | None = None,
    embeddings: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Mask logits of both sides [..., h, w], and (student, teacher) embeddings [..., C] if that term has a weight →
    scalar.

    Raises ShapeError when shapes differ or the embeddings are missing, NonFiniteLossError.
    """
    weights = weights or LogitWeights()
    if student.shape != teacher.shape:
        raise ShapeError(f"mask logits differ in shape: {list(student.shape)} and {list(teacher.shape)}")
    loss = weights.bce * soft_bce(student, teacher, weights.temperature) + weights.dice * dice(
        student, teacher.detach().sigmoid()
    )
    if weights.embedding:
        if embeddings is None:
            raise ShapeError("the embedding term needs both sides' embeddings", "Pass them, or set its weight to 0.")
        mine, theirs = embeddings[0].float(), embeddings[1].detach().float()
        loss = loss + weights.embedding * (1 - functional.cosine_similarity(mine, theirs, dim=-1)).mean()
    if not torch.isfinite(loss):
        raise NonFiniteLossError("the mask loss is not finite")
    return loss


def soft_bce(student: Tensor, teacher: Tensor, temperature: float = 2.0) -> Tensor:
    """Cross-entropy of softened probabilities, times temperature squared so that gradients keep their size (Hinton
    2015)."""
    soft = (teacher.detach().float() / temperature).sigmoid()
    return temperature**2 * functional.binary_cross_entropy_with_logits(student.float() / temperature, soft)


def dice(logits: Tensor, wanted: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - Dice of each mask [..., h, w] against probabilities or truth in 0..1, averaged over masks (Milletari
    2016)."""
    p, q = logits.float().sigmoid().flatten(-2), wanted.float().flatten(-2)
    return (1 - (2 * (p * q).sum(-1) + smooth) / (p.square().sum(-1) + q.square().sum(-1) + smooth)).mean()
