"""The compact student with three outputs more, by which an engine proves that it is the network it should be.

Proposals come in the order of their scores, and two of almost equal score change places as soon as another machine
rounds otherwise. So an engine is not compared by its proposals but by what does not depend on their order: the saliency
before any proposal is made, and sums over all proposals, weighted so that unlikely ones count for next to nothing
(ADR 0195).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, cat, einsum, nn

from herdnet.compact import CompactStudent, Detections


class Proof(NamedTuple):
    """What does not depend on the order of proposals. w = score squared."""

    likely: Tensor
    """[B, 1, h, w], 0..1: the saliency, before any proposal. As logits, -80 and -90 would differ and say the same."""
    seen: Tensor
    """[B, H', W']: the sum of w times the mask's probability."""
    said: Tensor
    """[B, D + P + 2]: the sums of w times the embedding, the postures' probabilities and the heading."""


PROOF = Proof._fields
OUTPUTS = (*Detections._fields, *PROOF)


class ProvedStudent(CompactStudent):
    """Shares a student's modules and weights, under the same names."""

    def __init__(self, student: CompactStudent) -> None:
        nn.Module.__init__(self)
        self.config, self.levels = student.config, student.levels
        for name, module in student.named_children():
            self.add_module(name, module)
        self.train(student.training)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        """[B, 3, H, W] in 0..1 → the fields of `Detections`, then those of `Proof`.

        Raises:
            ShapeError: H or W is no multiple of 32.
        """
        dense = self.dense(images)
        likely, points = self.propose(dense, self.config.proposals)
        masks, embeddings, postures, headings, quality = self.prompt(dense, points)
        weight = likely * quality.sigmoid()
        said = cat([embeddings, postures.softmax(-1), headings], -1)
        seen = einsum("bk,bkhw->bhw", weight, masks.sigmoid())
        return (
            *Detections(weight.sqrt(), points, masks, embeddings, postures, headings),
            *Proof(dense.saliency.sigmoid(), seen, einsum("bk,bkd->bd", weight, said)),
        )


def fixture_error(expected: Mapping[str, NDArray[Any]], said: Mapping[str, NDArray[Any]]) -> float:
    """How far an engine is from what is expected: of the outputs expected, the largest mean absolute difference as a
    share of the expected output's standard deviation. Infinite where one is absent, of another shape or not finite."""
    worst = 0.0
    for name, wanted in expected.items():
        got = said.get(name)
        if got is None or got.shape != wanted.shape or not np.isfinite(got).all():
            return float("inf")
        off = float(np.abs(got.astype(np.float64) - wanted).mean())
        worst = max(worst, off / max(float(wanted.astype(np.float64).std()), 1e-9))
    return worst
