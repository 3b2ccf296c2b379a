"""Re-identification: does an embedding find the same animal in another clip?

Every moment with an embedding is a query once. Its gallery are the moments of the same pen in *other* clips: frames of
the query's own clip are near copies of it. Ranking is by cosine. Rank-1: the nearest is the same animal. Average
precision: mean of the precision at each right answer (Zheng et al. 2015, doi:10.1109/ICCV.2015.133). A query whose
animal no other clip shows is left out. Figures are sums over queries, so draws of sequences draw queries; the gallery
stays whole.
"""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.learning.evaluation.sequences import Sequence
from herdbook.learning.formats.tracks import Floats, Ints


@dataclass(frozen=True, eq=False)
class Moments:
    """Embeddings of one sequence, each of an animal that the truth names: (M,) and (M, D)."""

    animals: tuple[str, ...]
    vectors: NDArray[np.float32]


def no_moments() -> Moments:
    """Of a sequence without embeddings."""
    return Moments((), np.empty((0, 0), np.float32))


def answer_queries(sequences: Ordered[Sequence], moments: Ordered[Moments]) -> list[dict[str, Floats]]:
    """The keys ``queries``, ``rank1`` and ``precision`` of each sequence's tally."""
    found = [dict.fromkeys(("queries", "rank1", "precision"), np.zeros(())) for _ in sequences]
    pens: dict[tuple[str, str], list[int]] = {}
    for k, sequence in enumerate(sequences):
        if moments[k].animals:
            pens.setdefault((sequence.farm, sequence.pen), []).append(k)
    for members in pens.values():
        vectors = np.concatenate([moments[k].vectors for k in members]).astype(np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        names = np.array([name for k in members for name in moments[k].animals])
        clip = np.repeat(members, [len(moments[k].animals) for k in members])
        for k in members:
            mine = clip == k
            scores = ranks(vectors[mine] @ vectors[~mine].T, names[mine][:, None] == names[~mine][None, :])
            found[k] = dict(zip(("queries", "rank1", "precision"), map(np.asarray, scores), strict=True))
    return found


def ranks(similarity: Floats, same: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Queries that can be answered, first answers that are right, and summed average precision.

    Args:
        similarity: (queries, gallery).
        same: likewise, whether it is the same animal. Of equally near ones the wrong come first.
    """
    answerable = same.any(axis=1)
    similarity, same = similarity[answerable], same[answerable]
    if not len(same):
        return 0.0, 0.0, 0.0
    order: Ints = np.lexsort((same, -similarity), axis=1)
    right = np.take_along_axis(same, order, axis=1)
    precision = right.cumsum(axis=1) / np.arange(1, right.shape[1] + 1)
    average = (precision * right).sum(axis=1) / right.sum(axis=1)
    return float(len(right)), float(right[:, 0].sum()), float(average.sum())
