"""Nights whose truth is known, and the looks of their tracklets, however these are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from herdbook.matching.evidence import Bools, Looks
from herdbook.matching.exclusion import Floats, Ints

Keep = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""What is left of embeddings that were kept in some code: ``[k, d]`` to ``[k, d]``."""
STRANGER = -1
"""Truth of a tracklet whose animal is on no roster."""


@dataclass(frozen=True)
class Night:
    """One device day: ``n`` tracklets with their true animals, ``k`` embeddings."""

    number: int
    """Days since the first night."""
    camera: tuple[str, ...]
    """``[n]``; here a camera watches a pen alone."""
    start: Floats
    """``[n]`` seconds since the first night's midnight."""
    end: Floats
    truth: Ints
    """``[n]`` animal, or `STRANGER`."""
    pens: dict[int, str]
    """Camera of the pen in which each animal stays."""
    tracklet: Ints
    """``[k]`` tracklet of each embedding, ascending."""
    vectors: NDArray[np.float32]
    """``[k, d]``, L2 norm 1."""
    quality: Floats
    """``[k]``"""
    seen_s: Floats
    """``[k]`` on the clock of ``start``."""
    space_id: str = "harness"

    @property
    def seconds(self) -> Floats:
        """``[n]`` how long each tracklet was followed."""
        return self.end - self.start


def night_of(middle_s: Floats) -> Bools:
    """Whether moments lie between 20:00 and 06:00 of a day that begins at 0."""
    hour = (middle_s % 86_400) / 3600
    return np.asarray((hour >= 20) | (hour < 6))


def looks_of(night: Night, keep: Keep) -> Looks:
    """Quality-weighted means of each tracklet's embeddings, whole and by halves, as `identity.looks` has them."""
    vectors = keep(night.vectors).astype(np.float64)
    n, d = len(night.truth), vectors.shape[1]
    begins = np.append(True, night.tracklet[1:] != night.tracklet[:-1])[: len(night.tracklet)]
    place = np.arange(len(begins)) - np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))
    count = np.bincount(night.tracklet, minlength=n)
    half = (place >= (count[night.tracklet] + 1) // 2).astype(np.int64)
    weight = np.bincount(night.tracklet, night.quality, n).astype(np.float64)
    pick = csr_array((night.quality, (night.tracklet * 2 + half, np.arange(len(begins)))), shape=(2 * n, len(begins)))
    halves = (pick @ vectors).reshape(n, 2, d)
    total = halves.sum(axis=1)
    seen = np.flatnonzero(np.linalg.norm(total, axis=1) > 0)
    middle = np.bincount(night.tracklet, night.seen_s, n) / np.maximum(count, 1)
    return Looks(night.space_id, seen, unit(total[seen]), unit(halves[seen]), weight[seen], night_of(middle[seen]))


def unit(vectors: Floats) -> Floats:
    """At length 1, zeros as they are."""
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(norm > 0, norm, 1))
