"""The compact student's losses, one function each. All are 0, with a gradient, where there is nothing to learn from."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from herdnet.logits import dice


def centre_focal(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Penalty-reduced focal loss (Zhou et al. 2019, arXiv 1904.07850: alpha 2, beta 4) per animal.

    Args:
        logits: [B, 1, h, w].
        target: the same, 1 at animals' middles and falling off around them.
        weight: the same, 0 where nothing is to be learned.
    """
    likely = logits.float().sigmoid()
    positive = target > 0.999
    gain = functional.logsigmoid(logits.float()) * (1 - likely) ** 2
    loss = functional.logsigmoid(-logits.float()) * likely**2 * (1 - target) ** 4
    each = -torch.where(positive, gain, loss)
    if weight is not None:
        each = each * weight
    return each.sum() / positive.sum().clamp(min=1)


def mask_bce(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Binary cross-entropy per animal over its own area: [N, h, w] logits against targets 0..1 → mean over N.

    Dividing by the area keeps small animals as important as large ones.
    """
    if not len(logits):
        return logits.sum() * 0.0
    each = functional.binary_cross_entropy_with_logits(logits.float(), target.float(), reduction="none")
    if weight is not None:
        each = each * weight
    area = (target >= 0.5).sum((1, 2)).clamp(min=16)
    return (each.sum((1, 2)) / (2 * area)).mean()


def balanced_bce(logits: Tensor, target: Tensor, weight: Tensor | None = None, temperature: float = 1.0) -> Tensor:
    """Binary cross-entropy with animal and surroundings counting alike: [N, h, w] logits and targets 0..1 → mean.

    For who begins with masks all over the picture (where surroundings outweigh an animal a hundredfold, saying nothing
    at all is learned first, and stays: ADR 0116), and for soft targets, whose surroundings cost something even where
    they are met. With a temperature T the logits are divided by T and the loss multiplied by T², so that its gradient
    does not shrink (Hinton et al. 2015, arXiv 1503.02531); the target must have been softened by the same T.
    """
    if not len(logits):
        return logits.sum() * 0.0
    each = functional.binary_cross_entropy_with_logits(logits.float() / temperature, target.float(), reduction="none")
    counts = torch.ones_like(each) if weight is None else weight
    inside = (target >= 0.5).float() * counts
    outside = counts - inside
    mine = (each * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)
    others = (each * outside).sum((1, 2)) / outside.sum((1, 2)).clamp(min=1)
    return (mine + others).mean() / 2 * temperature**2


def mask_dice(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """1 - Dice of sigmoid(logits) and soft targets, [N, h, w] → mean over N; pixels of weight 0 take no part."""
    if not len(logits):
        return logits.sum() * 0.0
    if weight is not None:
        logits, target = logits.masked_fill(weight < 0.5, -30.0), target * weight
    return dice(logits, target)


def quality_loss(logits: Tensor, masks: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy of [K] against how well masks (logits [K, h, w]) fit the best of a frame's animals.

    The target is 0 up to an IoU of 0.25 and 1 from 0.75, so that 0.5 is the overlap at which a match begins. A head
    that judges its own masks ranks them better than one that looks for middles (Huang et al. 2019, arXiv 1903.00241).
    """
    if not len(logits):
        return logits.sum() * 0.0
    mine, theirs = (masks.detach() > 0).flatten(1).float(), (truth > 0.5).flatten(1).float()
    shared = mine @ theirs.T
    either = mine.sum(1)[:, None] + theirs.sum(1)[None] - shared
    fit = (shared / either.clamp(min=1)).amax(1) if len(truth) else logits.new_zeros(len(logits))
    return functional.binary_cross_entropy_with_logits(logits.float(), (2 * fit - 0.5).clamp(0, 1))


def posture_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of [N, P] against [N]; negative targets are unknown and take no part."""
    known = target >= 0
    if not bool(known.any()):
        return logits.sum() * 0.0
    return functional.cross_entropy(logits[known].float(), target[known])


def heading_loss(vectors: Tensor, target: Tensor) -> Tensor:
    """Squared distance of [N, 2] from unit vectors; rows with NaN take no part.

    Not the angle alone: a vector's length then says how sure the direction is (its expectation is short where head and
    tail are confused).
    """
    known = target.isfinite().all(1)
    if not bool(known.any()):
        return vectors.sum() * 0.0
    return (vectors[known].float() - functional.normalize(target[known].float(), dim=1)).square().sum(1).mean()


def feature_direction(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean 1 - cosine per token of [B, C, h, w] with [B, C, h', w'], on the coarser of both grids.

    Sizes are aligned before anything is compared: the finer map is averaged down, nothing is invented by enlarging.
    """
    mine, theirs = averaged_down(student.float(), teacher), averaged_down(teacher.detach().float(), student)
    return (1 - functional.cosine_similarity(mine, theirs, dim=1, eps=1e-6)).mean()


def averaged_down(features: Tensor, other: Tensor) -> Tensor:
    """A map on the grid of another, where that is coarser."""
    size = (min(features.shape[-2], other.shape[-2]), min(features.shape[-1], other.shape[-1]))
    return functional.adaptive_avg_pool2d(features, size)
