"""Feature alignment: direction first, then scale.

The paper (arXiv 2604.27128) names a "four-term direction-then-scale" loss and publishes neither terms nor weights nor
schedule; these are ours (ADR 0088). Two terms see only directions and act from the start: `direction`, the cosine of
each token with its target, and `relations`, the cosines between the tokens of one image. Two see scale and are ramped
in once directions roughly agree: `magnitude`, the ratio of lengths, and `residual`, the error per channel in units of
that channel's own spread. A student that is still pointing anywhere would otherwise learn first to be short.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from herdnet.errors import NonFiniteLossError, ShapeError

EPSILON = 1e-6


@dataclass(frozen=True)
class AlignmentWeights:
    """Weights of the four terms and how the last two come in. Progress is the fraction of training that is done,
    0..1."""

    direction: float = 1.0
    relations: float = 0.5
    magnitude: float = 0.25
    residual: float = 0.25
    ramp_begin: float = 0.1
    """Progress up to which only directions count."""
    ramp_end: float = 0.4
    """Progress from which scale counts in full."""
    relation_tokens: int = 256
    """Tokens per image whose relations are compared: all pairs of 72 x 72 tokens are 27 million."""

    def __post_init__(self) -> None:
        if min(self.direction, self.relations, self.magnitude, self.residual) < 0:
            raise ValueError("weights of loss terms are not negative")
        if not 0 <= self.ramp_begin <= self.ramp_end <= 1:
            raise ValueError("a ramp begins before it ends, both within 0..1")
        if self.relation_tokens < 2:
            raise ValueError("relations are between at least two tokens")

    def scale(self, progress: float) -> float:
        """How much magnitude and residual count at `progress`: 0, then a straight ramp, then 1."""
        if progress >= self.ramp_end:
            return 1.0
        if progress <= self.ramp_begin:
            return 0.0
        return (progress - self.ramp_begin) / (self.ramp_end - self.ramp_begin)


@dataclass(frozen=True)
class Alignment:
    """The four terms, unweighted, and their weighted sum. All are zero for a perfect student."""

    direction: Tensor
    relations: Tensor
    magnitude: Tensor
    residual: Tensor
    total: Tensor


def alignment(
    student: Tensor, target: Tensor, weights: AlignmentWeights | None = None, progress: float = 1.0
) -> Alignment:
    """Student and target features [B, C, H, W] → the loss; gradients reach the student only.

    Raises ShapeError when the shapes differ, NonFiniteLossError when the result is NaN or infinite.
    """
    weights = weights or AlignmentWeights()
    if student.shape != target.shape:
        raise ShapeError(f"student features {list(student.shape)} and targets {list(target.shape)} differ in shape")
    s, t = tokens(student), tokens(target.detach())
    with torch.autocast(s.device.type, enabled=False):  # products of tokens would be halved again
        terms = direction(s, t), relations(s, t, weights.relation_tokens), magnitude(s, t), residual(s, t)
    ramp = weights.scale(progress)
    total = (
        weights.direction * terms[0]
        + weights.relations * terms[1]
        + ramp * weights.magnitude * terms[2]
        + ramp * weights.residual * terms[3]
    )
    if not torch.isfinite(total):
        values = ", ".join(f"{name} {float(term.detach()):g}" for name, term in zip(NAMES, terms, strict=True))
        raise NonFiniteLossError(f"the alignment loss is not finite: {values}")
    return Alignment(*terms, total)


NAMES = ("direction", "relations", "magnitude", "residual")


def tokens(features: Tensor) -> Tensor:
    """[B, C, H, W] → [B, H * W, C] in float32: lengths and ratios lose too much in half precision."""
    return features.flatten(2).transpose(1, 2).float()


def direction(s: Tensor, t: Tensor) -> Tensor:
    """Mean over tokens of 1 - cosine, 0..2. Tokens [B, N, C]; blind to lengths."""
    return (1 - functional.cosine_similarity(s, t, dim=-1, eps=EPSILON)).mean()


def relations(s: Tensor, t: Tensor, at_most: int = 256) -> Tensor:
    """Mean squared difference of the cosines between tokens of the same image: blind to lengths and to a rotation
    common to all.

    Takes every k-th token where there are more than `at_most`: the same ones for both sides, on every step.
    """
    step = -(-s.shape[1] // at_most)
    a, b = (functional.normalize(x[:, ::step], dim=-1, eps=EPSILON) for x in (s, t))
    return (a @ a.mT - b @ b.mT).square().mean()


def magnitude(s: Tensor, t: Tensor) -> Tensor:
    """Mean squared log ratio of token lengths: halving costs as much as doubling; blind to directions."""
    ratio = (s.norm(dim=-1) + EPSILON).log() - (t.norm(dim=-1) + EPSILON).log()
    loss: Tensor = ratio.square().mean()
    return loss


def residual(s: Tensor, t: Tensor) -> Tensor:
    """Huber loss of the difference in units of each target channel's standard deviation.

    In a vision transformer few channels carry most of a token's length, and so most of its cosine; this term hears
    the quiet ones. A channel that does not vary in this batch is judged by the mean spread of all channels instead.
    """
    spread = t.flatten(0, 1).std(dim=0, correction=0)
    spread = torch.where(spread > EPSILON, spread, spread.mean().clamp(min=EPSILON))
    return functional.smooth_l1_loss(s / spread, t / spread)
