"""CLEAR MOT and identity metrics, computed by ``motmetrics``.

CLEAR: Bernardin & Stiefelhagen 2008, EURASIP J. Image Video Process., doi:10.1155/2008/246309. Identity: Ristani et al.
2016, arXiv:1609.01775. Overlaps are ours: the library's own IoU helper calls what NumPy 2 no longer has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from herdbook.errors import MissingDependencyError
from herdbook.learning.metrics.iou import EPSILON
from herdbook.learning.metrics.paired import PairedSequence

_NAMES = {
    "mota": "mota",
    "motp": "motp",
    "recall": "recall",
    "precision": "precision",
    "false_positives": "num_false_positives",
    "misses": "num_misses",
    "switches": "num_switches",
    "fragmentations": "num_fragmentations",
    "mostly_tracked": "mostly_tracked",
    "partly_tracked": "partially_tracked",
    "mostly_lost": "mostly_lost",
    "idf1": "idf1",
    "idp": "idp",
    "idr": "idr",
}


@dataclass(frozen=True)
class ClearScore:
    """CLEAR MOT and identity metrics of one sequence; none where a ratio has no denominator."""

    mota: float
    """1 - (misses + false positives + switches) / true boxes; at most 1, may be negative."""
    motp: float | None
    """Mean IoU of matched boxes, from the threshold to 1; higher is better."""
    recall: float
    precision: float | None
    false_positives: int
    misses: int
    switches: int
    """Times an animal's identity changed from one predicted id to another."""
    fragmentations: int
    """Times an animal was lost and found again."""
    mostly_tracked: int
    """Animals tracked in at least 80 % of their frames."""
    partly_tracked: int
    mostly_lost: int
    """Animals tracked in less than 20 % of their frames."""
    idf1: float
    """Share of boxes under the one best pairing of true and predicted ids (F1 of ``idp`` and ``idr``), 0..1."""
    idp: float | None
    idr: float


def clear_score(sequence: PairedSequence, threshold: float, advance: Callable[[], object] = lambda: None) -> ClearScore:
    """CLEAR MOT and identity metrics.

    Args:
        sequence: truth and prediction.
        threshold: least IoU of a match, above 0, at most 1.
        advance: called after each frame.

    Raises:
        MissingDependencyError: ``motmetrics`` is not installed.
    """
    mm = _motmetrics()
    # Of the solvers that the library finds installed it takes the first; name one, so that ties break alike everywhere.
    with mm.lap.set_default_solver("scipy"):
        accumulator = mm.MOTAccumulator()
        for number, frame in enumerate(sequence.frames):
            distance = np.where(frame.similarity >= threshold - EPSILON, 1 - frame.similarity, np.nan)
            accumulator.update(frame.truth, frame.predicted, distance, frameid=number)
            advance()
        raw = mm.metrics.create().compute(accumulator, metrics=list(_NAMES.values()), return_dataframe=False)
    values = {ours: _plain(raw[theirs]) for ours, theirs in _NAMES.items()}
    if values["motp"] is not None:
        values["motp"] = 1 - values["motp"]  # the library gives the mean distance
    return ClearScore(**values)


def _plain(value: Any) -> Any:
    number = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(number, float) and math.isnan(number) else number


def _motmetrics() -> Any:
    try:
        import motmetrics
    except ImportError as error:
        raise MissingDependencyError(
            "tracking metrics need motmetrics", "Install it: pip install 'herdbook[learning]'."
        ) from error
    return motmetrics
