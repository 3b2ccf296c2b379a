"""What one sequence showed, as sums: a `Tally`. Tallies add up; `figures` computes metrics from a sum of them.

Keys and shapes (K behaviours)::

    truth_boxes predicted_boxes misses false_positives switches fragmentations   counts
    overlap                      summed IoU of CLEAR matches
    idtp                         boxes under the best pairing of identities
    long_truth long_predicted long_idtp       the same of sequences that are long enough, else 0
    hota_matches hota_association hota_overlap    (19,) by IoU threshold
    confusion                    (K, K + 1) tracklet-seconds: true behaviour by predicted; last column: not seen
    calibration                  (15, 3) by predicted probability: tracklet-seconds, summed probability, right ones
    queries rank1 precision      re-identification queries, first answers right, summed average precision
    frames_compared cosine       feature vectors compared with the teacher's, summed cosine
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from herdbook.learning.evaluation.annotated import Annotated
from herdbook.learning.evaluation.behaviour import BINS, confuse
from herdbook.learning.formats.tracks import Floats
from herdbook.learning.metrics.clear import clear_score
from herdbook.learning.metrics.hota import ALPHAS, hota_counts
from herdbook.learning.metrics.paired import PairedSequence, pair_whatever

Tally = Mapping[str, Floats]

_SCALARS = (
    *("truth_boxes", "predicted_boxes", "misses", "false_positives", "switches", "fragmentations"),
    *("overlap", "idtp", "long_truth", "long_predicted", "long_idtp"),
    *("queries", "rank1", "precision", "frames_compared", "cosine"),
)


def shapes(classes: int) -> dict[str, tuple[int, ...]]:
    """Keys of a tally over so many behaviours, with the shape of each."""
    by_alpha = dict.fromkeys(("hota_matches", "hota_association", "hota_overlap"), (len(ALPHAS),))
    return dict.fromkeys(_SCALARS, ()) | by_alpha | {"confusion": (classes, classes + 1), "calibration": (BINS, 3)}


def empty(classes: int) -> dict[str, Floats]:
    """Nothing seen."""
    return {name: np.zeros(shape) for name, shape in shapes(classes).items()}


def tally(
    truth: Annotated, predicted: Annotated, *, classes: int, iou: float = 0.5, long: bool = False
) -> dict[str, Floats]:
    """Compare one clip's prediction with its truth.

    Args:
        truth, predicted: of the same clip, behaviours by the same classes.
        classes: how many.
        iou: least IoU of a match.
        long: whether the sequence is long enough to judge lasting identity by.
    """
    sums = empty(classes)
    sequence = pair_whatever(truth.tracks, predicted.tracks)
    sums["truth_boxes"] += sequence.truth_boxes
    sums["predicted_boxes"] += sequence.predicted_boxes
    sums |= {name: np.asarray(value, np.float64) for name, value in _matches(sequence, iou).items()}
    if long:
        for name in ("truth", "predicted"):
            sums[f"long_{name}"] += sums[f"{name}_boxes"]
        sums["long_idtp"] += sums["idtp"]
    hota = hota_counts(sequence)
    sums["hota_matches"] += hota.matches
    sums["hota_association"] += hota.association
    sums["hota_overlap"] += hota.overlap
    sums["confusion"], sums["calibration"] = confuse(truth, predicted, classes, iou)
    return sums


def _matches(sequence: PairedSequence, iou: float) -> dict[str, float]:
    true, predicted = sequence.truth_boxes, sequence.predicted_boxes
    if not true or not predicted:  # ratios have no denominators, counts are plain
        return {"misses": true, "false_positives": predicted}
    clear = clear_score(sequence, iou)
    return {
        "misses": clear.misses,
        "false_positives": clear.false_positives,
        "switches": clear.switches,
        "fragmentations": clear.fragmentations,
        "overlap": (clear.motp or 0.0) * (true - clear.misses),
        "idtp": round(clear.idr * true),  # idr is this over the true boxes
    }


def stack(tallies: Sequence[Tally]) -> dict[str, Floats]:
    """Tallies of S sequences as one table: each key with S rows in front of its shape."""
    return {name: np.stack([np.asarray(one[name], np.float64) for one in tallies]) for name in tallies[0]}


def pool(stacked: Tally, weights: Floats) -> dict[str, Floats]:
    """Weighted sums of sequences.

    Args:
        stacked: of S sequences.
        weights: (draws, S); ones give the plain sum.

    Returns:
        Each key with ``draws`` rows in front of its shape.
    """
    return {
        name: (weights @ values.reshape(len(values), -1)).reshape(len(weights), *values.shape[1:])
        for name, values in stacked.items()
    }
