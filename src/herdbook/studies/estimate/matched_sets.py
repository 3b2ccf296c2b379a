"""Matched case-control sets, sorted for computing: those with one case at once, the others in batches of like size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from herdbook.studies.estimate.columns import Bools, Floats, Ints, summed
from herdbook.studies.estimate.newton import Point
from herdbook.studies.estimate.one_case import OneCase
from herdbook.studies.estimate.several_cases import SeveralCases

_UNEVEN = 1.5
"""Sets whose length or number of cases differs by more than this factor do not share a batch."""
_BATCH = 4_000_000
"""Numbers that a batch's largest table may hold (32 MB)."""


@dataclass(frozen=True, eq=False)
class MatchedSets:
    """The exact conditional likelihood of sets that each hold cases and controls.

    A set with more cases than controls is turned round: choosing the cases is choosing the controls, with every odds
    inverted.
    """

    names: tuple[str, ...]
    x: Floats
    """(rows, covariates)."""
    case: Bools
    sets: Ints
    """(rows,) from 0, none empty."""
    weights: Floats
    """(sets,)."""
    turned: Bools
    """(rows,) whose set is turned round."""
    one: tuple[OneCase, Ints] | None
    """Sets with one case, and the row of each of theirs."""
    several: tuple[tuple[SeveralCases, Ints], ...]
    """Batches, and the row of each place that is not filled up."""

    def at(self, beta: Floats) -> Point:
        """Value, score and information."""
        parts = [] if self.one is None else [self.one[0].at(beta)]
        parts += [batch.at(beta) for batch, _ in self.several]
        total = parts[0]
        for part in parts[1:]:
            total += part
        return total

    def residuals(self, beta: Floats) -> Floats:
        """(rows, covariates): set weight times (case less its probability) times the covariates about the set's
        expected case. A set's rows sum to its score; the share of a row matters only where clusters cut through sets,
        and is then the score residual of a Cox model."""
        share = np.empty(len(self.x))
        if self.one is not None:
            share[self.one[1]] = self.one[0].probabilities(beta)
        for batch, rows in self.several:
            share[rows] = batch.probabilities(beta).T[batch.there.T]
        share = np.where(self.turned, 1 - share, share)
        count = len(self.weights)
        cases = np.bincount(self.sets, self.case, minlength=count)
        mean = summed(share[:, None] * self.x, self.sets, count) / cases[:, None]
        scale = (self.case - share) * self.weights[self.sets]
        residuals: Floats = scale[:, None] * (self.x - mean[self.sets])
        return residuals


def matched_sets(
    names: tuple[str, ...], x: Floats, case: Bools, sets: Ints, *, weights: Floats, offset: Floats
) -> MatchedSets:
    """Sets made ready.

    Args:
        names: (covariates,).
        x: (rows, covariates).
        case: (rows,).
        sets: (rows,) from 0; each holds cases and controls.
        weights: (sets,) of each set's log likelihood.
        offset: (rows,) added to the linear predictor.
    """
    size, cases = np.bincount(sets), np.bincount(sets, case).astype(np.int64)
    turn = 2 * cases > size
    turned = turn[sets]
    x_in, offset_in = np.where(turned[:, None], -x, x), np.where(turned, -offset, offset)
    case_in = case ^ turned
    cases_in = np.where(turn, size - cases, cases)
    order = np.argsort(sets, kind="stable")
    first = np.concatenate(([0], np.cumsum(size)[:-1]))
    one = None
    if (cases_in == 1).any():
        chosen = np.flatnonzero(cases_in == 1)
        rows = order[(cases_in == 1)[sets[order]]]
        length = size[chosen]
        one = (
            OneCase(
                x=x_in[rows],
                offset=offset_in[rows],
                starts=np.concatenate(([0], np.cumsum(length)[:-1])),
                sets=np.repeat(np.arange(len(chosen)), length),
                cases=np.flatnonzero(case_in[rows]),
                weights=weights[chosen],
            ),
            rows,
        )
    several = []
    for chosen in _batches(size, cases_in, x.shape[1]):
        length = size[chosen]
        place = np.arange(length.max())
        there = place[:, None] < length
        index = order[np.minimum(first[chosen] + place[:, None], len(order) - 1)]
        batch = SeveralCases(
            x=np.where(there[:, :, None], x_in[index], 0),
            offset=np.where(there, offset_in[index], 0),
            there=there,
            case=there & case_in[index],
            weights=weights[chosen],
        )
        several.append((batch, index.T[there.T]))
    return MatchedSets(names, x, case, sets, weights, turned, one, tuple(several))


def _batches(size: Ints, cases: Ints, covariates: int) -> Iterator[Ints]:
    """Sets with several cases, those of about the same shape together."""
    chosen = np.flatnonzero(cases > 1)
    chosen = chosen[np.lexsort((size[chosen], cases[chosen]))]
    begin = 0
    for k in range(1, len(chosen) + 1):
        batch = chosen[begin : k + 1]
        if (
            k == len(chosen)
            or cases[chosen[k]] > _UNEVEN * cases[chosen[begin]]
            or size[batch].max() > _UNEVEN * size[batch].min()
            or len(batch) * (int(size[batch].max()) + 1) * max(int(cases[chosen[k]]) + 2, covariates) > _BATCH
        ):
            yield chosen[begin:k]
            begin = k
