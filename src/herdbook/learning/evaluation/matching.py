"""One-to-one pairs of boxes in one frame."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from herdbook.learning.formats.tracks import Floats, Ints
from herdbook.learning.metrics.iou import EPSILON, iou_matrix


def match(truth: Floats, predicted: Floats, iou: float) -> Ints:
    """Of each true box (n, 4) the predicted box (m, 4) that it is paired with, -1 for none; (n,).

    Of all one-to-one pairings over pairs that reach the IoU the one with most pairs, then with most summed IoU.
    """
    partner = np.full(len(truth), -1, np.int64)
    if len(truth) and len(predicted):
        overlap = iou_matrix(truth, predicted)
        reached = overlap >= iou - EPSILON
        rows, columns = linear_sum_assignment(np.where(reached, 1e3 + overlap, 0.0), maximize=True)
        kept = reached[rows, columns]
        partner[rows[kept]] = columns[kept]
    return partner
