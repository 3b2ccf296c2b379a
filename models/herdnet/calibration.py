"""Are probabilities frequencies? Temperature fitted on validation, and the error that remains."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from herdnet.errors import ShapeError

RANGE = (0.05, 20.0)


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature that minimises the cross-entropy of logits [N, C] / T against [N] (Guo et al. 2017).

    The cross-entropy is convex in 1 / T: a golden-section search on log T finds the minimum in `RANGE` exactly enough
    and needs no learning rate. Labels below 0 take no part.

    Raises:
        ShapeError: nothing is labelled, or shapes do not fit.
    """
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ShapeError(f"logits must be [N, C] and labels [N], not {list(logits.shape)} and {list(labels.shape)}")
    known = labels >= 0
    z, y = logits[known].double(), labels[known]
    if not len(z):
        raise ShapeError("no labelled step to fit a temperature on", "Give validation windows with labels.")

    def loss(log_t: float) -> float:
        return float(functional.cross_entropy(z / torch.tensor(log_t).exp(), y))

    low, high = (float(torch.tensor(t).log()) for t in RANGE)
    golden = (5**0.5 - 1) / 2
    for _ in range(48):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float(torch.tensor((low + high) / 2).exp())


def expected_calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """Mean distance, 0..1, between how sure and how right the top answer is, over equally wide bins of sureness
    (Naeini et al. 2015). Probabilities [N, C], labels [N]; those below 0 take no part; NaN where none is left."""
    known = labels >= 0
    if not bool(known.any()):
        return float("nan")
    sure, answer = probabilities[known].double().max(1)
    right = (answer == labels[known]).double()
    place = (sure * bins).long().clamp(max=bins - 1)
    gaps = torch.zeros(bins, dtype=torch.double, device=sure.device).scatter_add_(0, place, right - sure)
    return float(gaps.abs().sum() / len(sure))
