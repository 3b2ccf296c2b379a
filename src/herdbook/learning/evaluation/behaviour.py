"""Behaviour by tracklet-seconds: once a second, each true animal is looked up in the prediction.

In the first compared frame of each whole second of the clip true and predicted boxes are paired (`matching`). An animal
that has a partner counts for the behaviour predicted of it; one that nobody saw, or of which nothing is said, counts as
not seen. Confidence is that of the predicted bout; calibration is over the seen ones (Guo et al. 2017,
arXiv:1706.04599, 15 bins of equal width).
"""

from __future__ import annotations

import numpy as np

from herdbook.learning.evaluation.annotated import UNKNOWN, Annotated
from herdbook.learning.evaluation.matching import match
from herdbook.learning.formats.tracks import Floats, Ints

BINS = 15


def confuse(truth: Annotated, predicted: Annotated, classes: int, iou: float) -> tuple[Floats, Floats]:
    """Confusion ``(classes, classes + 1)`` and calibration ``(BINS, 3)`` of one clip."""
    confusion, calibration = np.zeros((classes, classes + 1)), np.zeros((BINS, 3))
    for frame in _looks(truth, predicted):
        rows, columns = _rows(truth, frame), _rows(predicted, frame)
        partner = match(truth.tracks.boxes[rows], predicted.tracks.boxes[columns], iou)
        for row, column in zip(rows, partner, strict=True):
            true = truth.behaviour[row]
            if true == UNKNOWN:
                continue
            said = UNKNOWN if column < 0 else int(predicted.behaviour[columns[column]])
            confusion[true, said] += 1  # UNKNOWN is -1: the last column
            if said != UNKNOWN:
                probability = float(predicted.probability[columns[column]])
                at = min(int(probability * BINS), BINS - 1)
                calibration[at] += (1.0, probability, float(said == true))
    return confusion, calibration


def _looks(truth: Annotated, predicted: Annotated) -> Ints:
    """The first compared frame of every second that has a true box."""
    frames, first = np.unique(truth.tracks.frames, return_index=True)
    seconds = np.floor(truth.seconds[first] + 1e-6)
    stated = predicted.tracks.stated
    if stated is not None:
        kept = np.isin(frames, stated)
        frames, seconds = frames[kept], seconds[kept]
    return np.asarray(frames[np.unique(seconds, return_index=True)[1]], np.int64)


def _rows(seen: Annotated, frame: int) -> Ints:
    begin, end = np.searchsorted(seen.tracks.frames, [frame, frame + 1])
    return np.arange(begin, end)
