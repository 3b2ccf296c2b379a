"""Truth and prediction brought together frame by frame: what every metric starts from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from herdbook.errors import InputError
from herdbook.learning.formats.tracks import Floats, Ints, Tracks
from herdbook.learning.metrics.iou import iou_matrix


@dataclass(frozen=True, eq=False)
class PairedFrame:
    """The n true and m predicted boxes of one frame."""

    truth: Ints
    """(n,) true ids, 0 to ``PairedSequence.truth_ids`` - 1, ascending."""
    predicted: Ints
    """(m,) predicted ids, likewise."""
    similarity: Floats
    """(n, m) intersection over union, 0..1."""


@dataclass(frozen=True, eq=False)
class PairedSequence:
    """All frames in which the truth, the prediction or both have a box, and of which both speak."""

    frames: tuple[PairedFrame, ...]
    truth_ids: int
    predicted_ids: int
    remarks: tuple[str, ...] = ()

    @property
    def truth_boxes(self) -> int:
        """True boxes in all frames."""
        return sum(len(frame.truth) for frame in self.frames)

    @property
    def predicted_boxes(self) -> int:
        """Predicted boxes in all frames."""
        return sum(len(frame.predicted) for frame in self.frames)


def pair(truth: Tracks, predicted: Tracks) -> PairedSequence:
    """Bring truth and prediction together.

    Frames that either source does not speak of (Edinburgh annotates every third) are left out: they are neither
    misses nor false alarms.

    Raises:
        InputError: the truth has no box to be judged by, or no frame has boxes of both.
    """
    truth, predicted, remarks = _on_stated_frames(truth, predicted)
    if not len(truth):
        raise InputError(
            "the truth has no boxes", "Give a truth with boxes: without one there is nothing to compare with."
        )
    if len(predicted):
        remarks += _overlap(truth.frames, predicted.frames)
    return PairedSequence(tuple(_frames(truth, predicted)), _count(truth), _count(predicted), tuple(remarks))


def pair_whatever(truth: Tracks, predicted: Tracks) -> PairedSequence:
    """`pair` for one of many sequences, where an empty pen, or boxes that never meet, are findings like any other."""
    truth, predicted, remarks = _on_stated_frames(truth, predicted)
    return PairedSequence(tuple(_frames(truth, predicted)), _count(truth), _count(predicted), tuple(remarks))


def _on_stated_frames(truth: Tracks, predicted: Tracks) -> tuple[Tracks, Tracks, list[str]]:
    stated = [tracks.stated for tracks in (truth, predicted) if tracks.stated is not None]
    if not stated:
        return truth, predicted, []
    common = reduce(np.intersect1d, stated)
    return _only(truth, common), _only(predicted, common), [f"compared on the {len(common)} annotated frames"]


def _only(tracks: Tracks, frames: Ints) -> Tracks:
    kept = np.isin(tracks.frames, frames)
    return Tracks(tracks.frames[kept], tracks.ids[kept], tracks.names, tracks.boxes[kept])


def _overlap(truth: Ints, predicted: Ints) -> list[str]:
    if not np.isin(predicted, truth).any():
        raise InputError(
            f"no frame has boxes of both: the truth covers frames {truth[0]}..{truth[-1]}, "
            f"the prediction {predicted[0]}..{predicted[-1]}",
            "Check that both count frames of the same video, from 1.",
        )
    outside = int(((predicted < truth[0]) | (predicted > truth[-1])).sum())
    return (
        [f"{outside} predicted boxes lie outside the truth's first and last frame: false positives"] if outside else []
    )


def _count(tracks: Tracks) -> int:
    return len(np.unique(tracks.ids))


def _frames(truth: Tracks, predicted: Tracks) -> Iterator[PairedFrame]:
    truth_ids = np.unique(truth.ids, return_inverse=True)[1]
    predicted_ids = np.unique(predicted.ids, return_inverse=True)[1]
    frames = np.union1d(truth.frames, predicted.frames)
    for t, p in zip(_slices(truth.frames, frames), _slices(predicted.frames, frames), strict=True):
        yield PairedFrame(truth_ids[t], predicted_ids[p], iou_matrix(truth.boxes[t], predicted.boxes[p]))


def _slices(rows: npt.NDArray[np.int64], frames: npt.NDArray[np.int64]) -> Iterator[slice]:
    begins, ends = np.searchsorted(rows, frames, "left"), np.searchsorted(rows, frames, "right")
    return (slice(begin, end) for begin, end in zip(begins, ends, strict=True))
