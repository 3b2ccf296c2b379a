"""How well a student finds animals in single frames of the validation side: quick figures while it learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from herdbook.learning.training.batches import in_order
from herdbook.learning.training.frames import Frames
from herdnet.compact import CompactConfig, CompactStudent, read
from herdnet.instances import Animals, Outputs, Selection, select

IOU = 0.5
"""Least overlap of masks that makes a match, as in the tracking metrics."""
AT_ONCE = 16
AT_MOST = 320
"""Frames that are judged, evenly over the side: enough for a curve."""


def judge_student(student: CompactStudent, frames: Frames, rules: Selection | None = None) -> dict[str, float]:
    """``precision``, ``recall``, ``moda`` (1 - misses and false alarms per animal), ``mask_iou`` of matches,
    ``behaviour_top1`` and ``behaviour_macro_f1`` from single frames; all 0..1, moda at most 1."""
    return judge_rules(student, frames, [rules or Selection()])[0]


def judge_rules(student: CompactStudent, frames: Frames, rules: Sequence[Selection]) -> list[dict[str, float]]:
    """The same by each of several rules, from one look at the frames."""

    def look(images: Tensor) -> list[NDArray[np.float32]]:
        return [array.numpy() for array in read(student, images)]

    return judge_seen(look, student.config, frames, rules)


def judge_seen(
    look: Callable[[Tensor], Sequence[NDArray[np.float32]]],
    config: CompactConfig,
    frames: Frames,
    rules: Sequence[Selection],
) -> list[dict[str, float]]:
    """The same of anything that looks: images [B, 3, H, W] → arrays in the order of `herdnet.compact.Detections`."""
    tallies = [Tally(max(1, len(config.postures))) for _ in rules]
    stride = config.stride // 2
    step = max(1, len(frames) // AT_MOST)
    rows = np.arange(0, len(frames), step)
    for begin in range(0, len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        drawn = in_order(frames, some)
        outputs = look(drawn.images)
        for k in range(len(some)):
            mine = (drawn.frame == k).numpy()
            masks, behaviours = drawn.masks.numpy()[mine] > 0.5, drawn.behaviours.numpy()[mine]
            said = Outputs(*(array[k] for array in outputs))
            for tally, rule in zip(tallies, rules, strict=True):
                tally.add(select(said, stride, rule), masks, behaviours)
    return [tally.figures() for tally in tallies]


class Tally:
    """Counts over frames."""

    def __init__(self, classes: int) -> None:
        self._confusion = np.zeros((classes, classes), np.int64)
        self._ious: list[float] = []
        self._true = self._said = 0

    def add(self, found: Animals, masks: NDArray[np.bool_], behaviours: NDArray[np.int64]) -> None:
        """A frame: what was found, and the true animals' masks [N, h, w] and behaviours [N]."""
        visible = masks.any((1, 2))
        masks, behaviours = masks[visible], behaviours[visible]
        self._true, self._said = self._true + len(masks), self._said + len(found.masks)
        if not len(masks) or not len(found.masks):
            return
        overlap = mask_iou(found.masks, masks)
        for k, n in zip(*linear_sum_assignment(-overlap), strict=True):
            if overlap[k, n] >= IOU:
                self._ious.append(float(overlap[k, n]))
                if behaviours[n] >= 0:
                    self._confusion[behaviours[n], int(found.postures[k].argmax())] += 1

    def figures(self) -> dict[str, float]:
        """See `judge_student`."""
        matched, told = len(self._ious), int(self._confusion.sum())
        right = self._confusion.diagonal()
        sums = self._confusion.sum(0) + self._confusion.sum(1)
        f1 = 2 * right[sums > 0] / sums[sums > 0]
        return {
            "precision": matched / max(self._said, 1),
            "recall": matched / max(self._true, 1),
            "moda": 1 - (self._true + self._said - 2 * matched) / max(self._true, 1),
            "mask_iou": float(np.mean(self._ious)) if self._ious else 0.0,
            "behaviour_top1": float(right.sum()) / max(told, 1),
            "behaviour_macro_f1": float(f1.mean()) if len(f1) else 0.0,
        }


def mask_iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.float64]:
    """IoU of each of [N, h, w] with each of [M, h, w]: [N, M]."""
    a, b = one.reshape(len(one), -1).astype(np.float32), other.reshape(len(other), -1).astype(np.float32)
    shared = a @ b.T
    either = a.sum(1)[:, None] + b.sum(1)[None] - shared
    return np.asarray(shared / np.maximum(either, 1), np.float64)
