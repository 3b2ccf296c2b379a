"""Higher Order Tracking Accuracy: Luiten et al. 2021, Int. J. Comput. Vis. 129, doi:10.1007/s11263-020-01375-2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from herdbook.learning.formats.tracks import Floats
from herdbook.learning.metrics.iou import EPSILON
from herdbook.learning.metrics.paired import PairedSequence

ALPHAS: Floats = np.arange(0.05, 0.99, 0.05)
"""The 19 IoU thresholds over which everything is averaged."""


@dataclass(frozen=True)
class HotaScore:
    """HOTA and its parts, each the mean over `ALPHAS`, 0..1. ``hota`` is the mean of sqrt(DetA AssA), not of means."""

    hota: float
    deta: float
    """Detection accuracy: matches / (matches + misses + false positives)."""
    assa: float
    """Association accuracy: per match, how far its two ids go together over the whole sequence; mean over matches."""
    loca: float
    """Localisation accuracy: mean IoU of matches; 1 where there is none."""


@dataclass(frozen=True, eq=False)
class HotaCounts:
    """What HOTA is made of, by threshold (19,): summed over sequences it gives the HOTA of all of them."""

    matches: Floats
    association: Floats
    """Sum over matches of how far their two ids go together."""
    overlap: Floats
    """Sum over matches of their IoU."""


def hota_score(sequence: PairedSequence) -> HotaScore:
    """HOTA, DetA, AssA and LocA of one sequence."""
    counts = hota_counts(sequence)
    assa = counts.association / np.maximum(1, counts.matches)
    boxes = sequence.truth_boxes + sequence.predicted_boxes
    deta = counts.matches / np.maximum(1, boxes - counts.matches)
    loca = np.divide(counts.overlap, counts.matches, out=np.ones_like(counts.overlap), where=counts.matches > 0)
    return HotaScore(*(float(np.mean(value)) for value in (np.sqrt(deta * assa), deta, assa, loca)))


def hota_counts(sequence: PairedSequence) -> HotaCounts:
    """The sums of one sequence. Sums of several give what `hota_score` gives of them laid end to end."""
    truth_counts, predicted_counts, alignment = _alignment(sequence)
    matched = np.zeros((len(ALPHAS), *alignment.shape))  # how often each pair of ids is matched, by threshold
    overlap = np.zeros(len(ALPHAS))
    for frame in sequence.frames:
        if not frame.similarity.size:
            continue
        pairs = np.ix_(frame.truth, frame.predicted)
        rows, columns = linear_sum_assignment(alignment[pairs] * frame.similarity, maximize=True)
        similarity = frame.similarity[rows, columns]
        reached = similarity >= ALPHAS[:, None] - EPSILON
        matched[:, frame.truth[rows], frame.predicted[columns]] += reached
        overlap += reached @ similarity
    together = matched / np.maximum(1, truth_counts[:, None] + predicted_counts[None, :] - matched)
    return HotaCounts(matched.sum(axis=(1, 2)), (matched * together).sum(axis=(1, 2)), overlap)


def _alignment(sequence: PairedSequence) -> tuple[Floats, Floats, Floats]:
    """Frames per true id and per predicted id, and how well each pair of ids goes together over the sequence.

    A pair's share of a frame is its IoU over all IoU that either box has with others there (eq. 9); matching is by
    the Jaccard index of those shares, so that one pairing of the frame serves association at every threshold.
    """
    truth_counts = np.zeros(sequence.truth_ids)
    predicted_counts = np.zeros(sequence.predicted_ids)
    shares = np.zeros((sequence.truth_ids, sequence.predicted_ids))
    for frame in sequence.frames:
        similarity = frame.similarity
        total = similarity.sum(0)[None, :] + similarity.sum(1)[:, None] - similarity
        share = np.divide(similarity, total, out=np.zeros_like(similarity), where=total > EPSILON)
        shares[np.ix_(frame.truth, frame.predicted)] += share
        truth_counts[frame.truth] += 1
        predicted_counts[frame.predicted] += 1
    return truth_counts, predicted_counts, shares / (truth_counts[:, None] + predicted_counts[None, :] - shares)
