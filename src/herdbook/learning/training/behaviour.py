"""Stage ``behaviour``: the head that judges tracks learns from what the trained student sees of kept clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from herdbook.edge.perception.steps import PLACES
from herdbook.learning.training.behaviour_windows import UNKNOWN, Windows
from herdbook.learning.training.params import BehaviourParams
from herdnet.behaviour import BehaviourConfig, BehaviourHead, behaviour_loss, calibrate, fair_answers, fit_scales
from herdnet.behaviour_features import feature_names
from herdnet.calibration import expected_calibration_error


class HeadLearner(nn.Module):
    """The head; its call returns the loss of a batch of windows."""

    def __init__(self, head: BehaviourHead, adjustment: float) -> None:
        super().__init__()
        self.head, self.adjustment = head, adjustment

    def forward(self, features: Tensor, present: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Cross-entropy as ``total``."""
        logits = self.head(features, present)
        return {"total": behaviour_loss(logits, labels, present, self.head.prior, adjustment=self.adjustment)}


@dataclass
class BehaviourTask:
    """See `herdbook.learning.training.loop.Task`."""

    module: HeadLearner
    training: Windows
    validation: Windows
    params: BehaviourParams

    def arguments(self, draw: int) -> tuple[Any, ...]:
        """Spans of random tracks: a tracklet may begin and end anywhere."""
        chance = np.random.default_rng([self.params.schedule.seed, draw])
        rows = chance.integers(0, len(self.training), self.params.schedule.batch)
        steps = self.training.labels.shape[1]
        span = min(self.params.window, steps)
        parts: list[list[Tensor]] = [[], [], []]
        for row in rows:
            begin = int(chance.integers(0, steps - span + 1))
            wholes = (self.training.features, self.training.present, self.training.labels)
            for part, whole in zip(parts, wholes, strict=True):
                part.append(whole[row, begin : begin + span])
        features, present, labels = (torch.stack(part) for part in parts)
        if self.params.noise:
            noise = torch.from_numpy(chance.standard_normal(features.shape).astype(np.float32))
            features = features + self.params.noise * noise * self.module.head.std.cpu()
        return features, present, labels

    def validate(self, module: nn.Module) -> Mapping[str, float]:
        """``top1``, ``macro_f1``, ``nll`` per step of the validation side; all of the calibrated head."""
        assert isinstance(module, HeadLearner)
        return judge_head(module.head, self.validation, self.params.fairness)


def make_task(
    params: BehaviourParams,
    behaviours: tuple[str, ...],
    postures: tuple[str, ...],
    training: Windows,
    validation: Windows,
) -> BehaviourTask:
    """A head with random weights by the schedule's seed, scaled to its features."""
    torch.manual_seed(params.schedule.seed)
    names = feature_names(postures, tuple(place.value for place in PLACES))
    config = BehaviourConfig(behaviours, names, step_s=params.step_s, width=params.width, dropout=params.dropout)
    head = BehaviourHead(config)
    fit_scales(head, training.features, training.present, training.labels)
    return BehaviourTask(HeadLearner(head, params.adjustment), training, validation, params)


@torch.no_grad()
def fit_temperature(head: BehaviourHead, windows: Windows) -> float:
    """Calibrate on the validation side; the temperature."""
    head.eval()
    logits = head(windows.features, windows.present)
    known = (windows.labels != UNKNOWN) & windows.present
    return calibrate(head, logits[known], windows.labels[known])


def judge_head(head: BehaviourHead, windows: Windows, fairness: float) -> dict[str, float]:
    """``top1``, ``macro_f1`` over behaviours that occur, ``calibration_error`` (15 bins), ``nll``; per step."""
    likely = head.probabilities(windows.features, windows.present)
    known = (windows.labels != UNKNOWN) & windows.present
    truth, said = windows.labels[known], likely[known]
    answers = fair_answers(said, head.prior, fairness)
    classes = len(head.config.behaviours)
    confusion = (
        torch.bincount(truth * classes + answers, minlength=classes * classes).reshape(classes, classes).double()
    )
    f1 = 2 * confusion.diagonal() / (confusion.sum(0) + confusion.sum(1)).clamp(min=1)
    occurs = confusion.sum(1) > 0
    return {
        "top1": float(confusion.diagonal().sum() / confusion.sum().clamp(min=1)),
        "macro_f1": float(f1[occurs].mean()),
        "calibration_error": float(expected_calibration_error(said, truth)),
        "nll": float(-said[torch.arange(len(truth)), truth].clamp(min=1e-9).log().mean()),
    }
