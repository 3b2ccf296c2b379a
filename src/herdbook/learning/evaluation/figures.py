"""Metrics from pooled tallies. Every function takes sums with ``draws`` rows in front and gives ``draws`` values.

NaN where a ratio has no denominator. What each means, and what counts where a class is absent: docs/metrics.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from herdbook.learning.evaluation.tally import Tally
from herdbook.learning.formats.tracks import Floats


@dataclass(frozen=True)
class Figure:
    """A metric: how it is computed from sums, in which range it lies, and whether more is better."""

    compute: Callable[[Tally], Floats]
    low: float = 0.0
    high: float = 1.0
    more_is_better: bool = True


def _over(part: Floats, whole: Floats) -> Floats:
    ratio: Floats = np.divide(part, whole, out=np.full(np.broadcast(part, whole).shape, np.nan), where=whole > 0)
    return ratio


def _mota(s: Tally) -> Floats:
    return 1 - _over(s["misses"] + s["false_positives"] + s["switches"], s["truth_boxes"])


def _deta(s: Tally) -> Floats:
    boxes = (s["truth_boxes"] + s["predicted_boxes"])[:, None]
    return _over(s["hota_matches"], boxes - s["hota_matches"])


def _assa(s: Tally) -> Floats:
    return np.nan_to_num(_over(s["hota_association"], s["hota_matches"]))  # no match, no association


def _macro_f1(s: Tally) -> Floats:
    """Mean F1 of the behaviours that occur in the truth; animals not seen are not judged here."""
    seen = s["confusion"][:, :, :-1]
    right = np.diagonal(seen, axis1=1, axis2=2)
    true, said = seen.sum(axis=2), seen.sum(axis=1)
    present = true > 0
    f1 = np.where(present, 2 * right / np.maximum(true + said, 1e-12), 0.0)
    return _over(f1.sum(axis=1), present.sum(axis=1).astype(np.float64))


def _ece(s: Tally) -> Floats:
    """Expected calibration error: mean distance of confidence and accuracy over bins, by their share."""
    count, confidence, right = np.moveaxis(s["calibration"], 2, 0)
    return _over(np.abs(confidence - right).sum(axis=1), count.sum(axis=1))


def _seen(s: Tally) -> Floats:
    return np.asarray(s["confusion"][:, :, :-1].sum(axis=(1, 2)))


FIGURES: dict[str, Figure] = {
    "mota": Figure(_mota, low=-np.inf),
    "idf1": Figure(lambda s: _over(2 * s["idtp"], s["truth_boxes"] + s["predicted_boxes"])),
    "hota": Figure(lambda s: np.sqrt(_deta(s) * _assa(s)).mean(axis=1)),
    "deta": Figure(lambda s: _deta(s).mean(axis=1)),
    "assa": Figure(lambda s: np.where(s["truth_boxes"] > 0, _assa(s).mean(axis=1), np.nan)),
    "idf1_long": Figure(lambda s: _over(2 * s["long_idtp"], s["long_truth"] + s["long_predicted"])),
    "recall": Figure(lambda s: 1 - _over(s["misses"], s["truth_boxes"])),
    "precision": Figure(lambda s: 1 - _over(s["false_positives"], s["predicted_boxes"])),
    "motp": Figure(lambda s: _over(s["overlap"], s["truth_boxes"] - s["misses"])),
    "behaviour_top1": Figure(lambda s: _over(np.trace(s["confusion"][:, :, :-1], axis1=1, axis2=2), _seen(s))),
    "behaviour_macro_f1": Figure(_macro_f1),
    "behaviour_seen": Figure(lambda s: _over(_seen(s), s["confusion"].sum(axis=(1, 2)))),
    "behaviour_ece": Figure(_ece, more_is_better=False),
    "reid_rank1": Figure(lambda s: _over(s["rank1"], s["queries"])),
    "reid_map": Figure(lambda s: _over(s["precision"], s["queries"])),
    "feature_cosine": Figure(lambda s: _over(s["cosine"], s["frames_compared"]), low=-1.0),
}
"""Every metric of a report, in its order."""


def figures(sums: Tally) -> dict[str, Floats]:
    """Every metric of pooled tallies; rounding in the pooling may leave a range by a last bit, and is cut off."""
    return {name: np.clip(figure.compute(sums), figure.low, figure.high) for name, figure in FIGURES.items()}


def f1_by_class(confusion: Floats) -> Floats:
    """F1 of each behaviour of one ``(K, K + 1)`` confusion; NaN where it does not occur in the truth."""
    seen = confusion[:, :-1]
    true, said = seen.sum(axis=1), seen.sum(axis=0)
    return np.asarray(np.where(true > 0, 2 * np.diagonal(seen) / np.maximum(true + said, 1e-12), np.nan))
