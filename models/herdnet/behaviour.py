"""What does this animal do? A window of features of one tracklet → the ethogram's behaviours, step by step.

Judged with hindsight: convolutions look both ways, because a tracklet is finished when it is judged and a bout is told
by what comes before and after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from herdnet.calibration import fit_temperature
from herdnet.errors import ShapeError

UNKNOWN = -1
"""A step whose behaviour nobody has said."""


@dataclass(frozen=True)
class BehaviourConfig:
    """What the head takes and tells. Names travel with the weights: another ethogram is another head."""

    behaviours: tuple[str, ...]
    """Names, in the ethogram file's order."""
    features: tuple[str, ...]
    """Names of the columns (`behaviour_features.feature_names`)."""
    dimensions: int = 0
    """Of the identity embedding, 0 without it."""
    step_s: float = 1.0
    """Seconds per step: dilations, and so how far the head looks, are counted in steps."""
    width: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)
    """Kernel 3 each: 62 steps to either side."""
    look: int = 16
    """Channels that the embedding is reduced to."""
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if len(set(self.behaviours)) < 2 or len(set(self.behaviours)) != len(self.behaviours):
            raise ShapeError("a behaviour head needs two behaviours or more, each named once")
        if not self.features or len(set(self.features)) != len(self.features):
            raise ShapeError("features are empty, or a name occurs twice")


class BehaviourHead(nn.Module):
    """A small dilated convolution network along time (Lea et al. 2017; Farha & Gall 2019)."""

    prior: Tensor
    mean: Tensor
    std: Tensor
    temperature: Tensor

    def __init__(self, config: BehaviourConfig) -> None:
        super().__init__()
        self.config = config
        inputs = len(config.features) + (config.look if config.dimensions else 0) + 1
        self.register_buffer("mean", torch.zeros(len(config.features)))
        self.register_buffer("std", torch.ones(len(config.features)))
        self.register_buffer("prior", torch.full((len(config.behaviours),), 1 / len(config.behaviours)))
        self.register_buffer("temperature", torch.ones(()))
        self.look = nn.Linear(config.dimensions, config.look) if config.dimensions else None
        self.enter = nn.Conv1d(inputs, config.width, 1)
        self.blocks = nn.ModuleList(_Block(config.width, d, config.dropout) for d in config.dilations)
        self.out = nn.Conv1d(config.width, len(config.behaviours), 1)

    def forward(self, features: Tensor, present: Tensor, embeddings: Tensor | None = None) -> Tensor:
        """Logits [B, T, C] that are fair to rare behaviours: as if all were equally frequent, and not calibrated.

        Args:
            features: [B, T, F] in the units of their names.
            present: [B, T], true where the step belongs to the tracklet and the animal was detected.
            embeddings: [B, T, D] where the head was built for them. Only their change within the window is used: who
                the animal is must not say what it does.

        Raises:
            ShapeError: numbers of features, steps or dimensions differ from the configuration.
        """
        self._check(features, present, embeddings)
        here = present.unsqueeze(-1).to(features.dtype)
        parts = [((features - self.mean) / self.std).clamp(-8, 8) * here, here]
        if self.look is not None and embeddings is not None:
            average = (embeddings * here).sum(1, keepdim=True) / here.sum(1, keepdim=True).clamp(min=1)
            parts.append(self.look((embeddings - average) * here))
        x = self.enter(torch.cat(parts, -1).transpose(1, 2))
        mask = here.transpose(1, 2)
        for block in self.blocks:
            x = block(x * mask)
        logits: Tensor = self.out(x)
        return logits.transpose(1, 2)

    @torch.no_grad()
    def probabilities(self, features: Tensor, present: Tensor, embeddings: Tensor | None = None) -> Tensor:
        """Calibrated probabilities [B, T, C] in evaluation mode; every step has them, also where nothing was seen.

        Behaviours count as frequent as they were in training; `fair_answers` undoes that where rare ones matter.
        """
        training = self.training
        self.eval()
        try:
            likely = as_frequent(self(features, present, embeddings), self.prior)
            return torch.softmax(likely / self.temperature, dim=-1)
        finally:
            self.train(training)

    def _check(self, features: Tensor, present: Tensor, embeddings: Tensor | None) -> None:
        config = self.config
        if features.ndim != 3 or features.shape[2] != len(config.features):
            raise ShapeError(f"features must be [B, T, {len(config.features)}], not {list(features.shape)}")
        if present.shape != features.shape[:2]:
            raise ShapeError(f"present must be {list(features.shape[:2])}, not {list(present.shape)}")
        wanted = (*features.shape[:2], config.dimensions)
        if config.dimensions and (embeddings is None or tuple(embeddings.shape) != wanted):
            raise ShapeError(f"this head needs embeddings {list(wanted)}")


class _Block(nn.Module):
    """Dilated convolution with a way around it; normalised per step, so that padding does not leak into statistics."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Conv1d(width, width, 1)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] → the same."""
        seen = self.norm(self.conv(x).transpose(1, 2)).transpose(1, 2)
        out: Tensor = x + self.drop(self.mix(torch.relu(seen)))
        return out


def fit_scales(head: BehaviourHead, features: Tensor, present: Tensor, labels: Tensor) -> None:
    """Take features' means and spreads, and behaviours' frequencies, from training windows [B, T, …]."""
    rows = features[present.bool()].float()
    if len(rows):
        head.mean.copy_(rows.mean(0))
        head.std.copy_(rows.std(0, unbiased=False).clamp(min=1e-3))
    counts = torch.bincount(labels[(labels >= 0) & present.bool()], minlength=len(head.prior)).float()
    head.prior.copy_((counts + 1) / (counts + 1).sum())


def as_frequent(logits: Tensor, prior: Tensor, share: float = 1.0) -> Tensor:
    """Logits [..., C] of equally frequent behaviours → of behaviours as frequent as `prior` [C] to the power share."""
    return logits + share * prior.clamp(min=1e-6).log()


def fair_answers(probabilities: Tensor, prior: Tensor, fairness: float = 0.5) -> Tensor:
    """The behaviour [...] to report for probabilities [..., C]: 0 makes fewest errors in all, 1 fewest per behaviour
    (balanced accuracy); macro-F1 lies between."""
    return as_frequent(probabilities.clamp(min=1e-9).log(), prior, -fairness).argmax(-1)


def calibrate(head: BehaviourHead, logits: Tensor, labels: Tensor) -> float:
    """Fit and keep the temperature on validation logits [N, C] of `forward` and labels [N]; returns it.

    Raises:
        ShapeError: nothing is labelled.
    """
    found = fit_temperature(as_frequent(logits.float(), head.prior), labels)
    head.temperature.fill_(found)
    return found


def behaviour_loss(
    logits: Tensor, labels: Tensor, present: Tensor, prior: Tensor, *, adjustment: float = 1.0
) -> Tensor:
    """Cross-entropy with logit adjustment for imbalance (Menon et al. 2021, arXiv 2007.07314).

    In training `adjustment` x log prior is added to the logits, so that those without it are fair to rare behaviours:
    with 1 their argmax minimises the balanced error; 0 is plain cross-entropy.

    Args:
        logits: [B, T, C].
        labels: [B, T], `UNKNOWN` where nobody has said; they and absent steps take no part.
        present: [B, T].
        prior: [C], frequencies in training.
        adjustment: 0..1.
    """
    known = (labels >= 0) & present.bool()
    if not bool(known.any()):
        return logits.sum() * 0.0
    shifted = as_frequent(logits[known].float(), prior, adjustment)
    return nn.functional.cross_entropy(shifted, labels[known])
