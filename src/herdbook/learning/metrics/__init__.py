"""How well tracks agree with the truth: CLEAR MOT, identity and HOTA. What each number means is in docs/metrics.md."""

from __future__ import annotations

from herdbook.learning.metrics.evaluate import MotScore, evaluate_mot, score
from herdbook.learning.metrics.paired import PairedSequence, pair

__all__ = ["MotScore", "PairedSequence", "evaluate_mot", "pair", "score"]
