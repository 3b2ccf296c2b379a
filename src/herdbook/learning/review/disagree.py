"""How far two sets of outlines of one frame are apart, animal by animal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Mask = npt.NDArray[np.bool_]
"""(height, width), true where the animal is."""


@dataclass(frozen=True)
class Difference:
    """Animals of both sides, one to one."""

    gaps: tuple[float, ...]
    """1 - IoU of each pair; 1 for an animal that only one side sees."""
    alone: int
    """Animals that only one side sees."""

    @property
    def score(self) -> float:
        """The widest gap, 0..1; 0 where neither side sees anything."""
        return max(self.gaps, default=0.0)

    def above(self, gap: float) -> int:
        """Animals on which the sides differ by more."""
        return sum(one > gap for one in self.gaps)


def difference(student: Sequence[Mask], teacher: Sequence[Mask]) -> Difference:
    """Pair the masks of one frame so that their summed IoU is largest (Hungarian); pairs without overlap are none."""
    overlap = _iou(student, teacher)
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    paired = overlap[rows, columns]
    paired = paired[paired > 0]
    alone = len(student) + len(teacher) - 2 * len(paired)
    return Difference((*(float(1 - iou) for iou in paired), *(1.0,) * alone), alone)


def _iou(a: Sequence[Mask], b: Sequence[Mask]) -> npt.NDArray[np.float64]:
    if not a or not b:
        return np.zeros((len(a), len(b)))
    one, other = (np.stack(masks).reshape(len(masks), -1).astype(np.float32) for masks in (a, b))
    shared = one @ other.T
    either = one.sum(1)[:, None] + other.sum(1)[None] - shared
    return np.asarray(shared / np.maximum(either, 1), dtype=np.float64)
