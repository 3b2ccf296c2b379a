"""Every tracking metric of one sequence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from herdbook.errors import InputError
from herdbook.learning.formats.tracks import Tracks
from herdbook.learning.metrics.clear import ClearScore, clear_score
from herdbook.learning.metrics.hota import HotaScore, hota_score
from herdbook.learning.metrics.paired import PairedSequence, pair

MAX_IDS = 5_000
"""True and predicted ids of one sequence together. Which id goes with which is asked of every pair of them at once:
memory grows with their square, up to about 3 GB here. A day of a pen has hundreds."""


@dataclass(frozen=True)
class MotScore:
    """The metrics of one sequence, and what they were taken over."""

    iou: float
    """Least IoU of a match for CLEAR and identity metrics."""
    frames: int
    """Frames with a true or predicted box."""
    truth_boxes: int
    predicted_boxes: int
    truth_ids: int
    predicted_ids: int
    clear: ClearScore
    hota: HotaScore
    remarks: tuple[str, ...]

    def flat(self) -> dict[str, Any]:
        """Every number under one level of names, as the command line prints them."""
        over = asdict(self)
        del over["remarks"], over["hota"], over["clear"]
        return asdict(self.hota) | asdict(self.clear) | over


def evaluate_mot(
    truth: Tracks, predicted: Tracks, *, iou: float = 0.5, advance: Callable[[], object] = lambda: None
) -> MotScore:
    """Compare tracks with the truth.

    Args:
        truth: what is so.
        predicted: what a tracker says; it may be empty.
        iou: least IoU of a match, above 0, at most 1.
        advance: called after each frame.

    Raises:
        InputError: the threshold is not one, the truth is empty, no frame has boxes of both, or there are more than
            `MAX_IDS` ids.
        MissingDependencyError: ``motmetrics`` is not installed.
    """
    return score(pair(truth, predicted), iou, advance)


def score(sequence: PairedSequence, iou: float, advance: Callable[[], object] = lambda: None) -> MotScore:
    """`evaluate_mot` of truth and prediction that are already brought together."""
    if not 0 < iou <= 1:
        raise InputError(
            f"the IoU threshold {iou:g} does not lie above 0 and up to 1", "Use 0.5 unless you know why not."
        )
    ids = sequence.truth_ids + sequence.predicted_ids
    if ids > MAX_IDS:
        raise InputError(
            f"{sequence.truth_ids} true and {sequence.predicted_ids} predicted ids are more than the {MAX_IDS} "
            "that are compared at once",
            "Compare shorter pieces, and check that ids are kept from frame to frame and not numbered anew in each.",
        )
    return MotScore(
        iou=iou,
        frames=len(sequence.frames),
        truth_boxes=sequence.truth_boxes,
        predicted_boxes=sequence.predicted_boxes,
        truth_ids=sequence.truth_ids,
        predicted_ids=sequence.predicted_ids,
        clear=clear_score(sequence, iou, advance),
        hota=hota_score(sequence),
        remarks=sequence.remarks,
    )
