"""Maps between two embedding spaces, from pairs of vectors.

Procrustes: the rotation or reflection that brings centred old vectors closest to the new ones (Schönemann 1966,
doi:10.1007/BF02289451), where both spaces have as many dimensions. Ridge: any linear map, held small. Which of them
serves is chosen by how well each does on groups of pairs that it was not made from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from herdbook.identity.bridge import SpaceMap
from herdbook.learning.formats.tracks import Floats, Ints

FOLDS = 5
_PRIOR = 1e-6
"""Where pairs say nothing of a direction it is left as it is: share of the mean direction's weight."""
_RIDGES = (1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True)
class Method:
    """How to make a map; ``ridge`` is a share of the old vectors' mean variance."""

    name: str
    ridge: float = 0.0


def methods(dimensions: tuple[int, int]) -> list[Method]:
    """What can be tried, the stiffest first: of equally good ones it is taken."""
    turned = [Method("procrustes")] if dimensions[0] == dimensions[1] else []
    return turned + [Method("ridge", share) for share in reversed(_RIDGES)]


def fit(method: Method, old: Floats, new: Floats, spaces: tuple[str, str] = ("", "")) -> SpaceMap:
    """A map from P pairs.

    Args:
        old: [P, D].
        new: [P, E].
        spaces: names of the two.
    """
    origin, target = old.mean(axis=0), new.mean(axis=0)
    x, y = old - origin, new - target
    cross = x.T @ y
    if method.name == "procrustes":
        weight = max(float(np.abs(cross).sum()), 1e-12) / len(cross)
        left, _, right = np.linalg.svd(cross + _PRIOR * weight * np.eye(len(cross)))
        matrix = left @ right
    else:
        square = x.T @ x
        held = method.ridge * max(float(np.trace(square)) / len(square), 1e-12)
        matrix = np.linalg.solve(square + held * np.eye(len(square)), cross)
    return SpaceMap(*spaces, origin, matrix, target)


def choose(old: Floats, new: Floats, groups: Ints) -> Method:
    """The method whose maps have the least squared error on held-out groups; the first where there is but one group."""
    tried = methods((old.shape[1], new.shape[1]))
    if len(np.unique(groups)) < 2:
        return tried[0]
    errors = [sum(float(((_mapped(m, old, new, out) - new[out]) ** 2).sum()) for out in folds(groups)) for m in tried]
    best = min(errors)
    return next(m for m, error in zip(tried, errors, strict=True) if error <= best * (1 + 1e-9) + 1e-12)


def folds(groups: Ints) -> Iterator[np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """At most `FOLDS` sets of pairs to hold out, [P] each; no group is in two of them."""
    _, codes = np.unique(groups, return_inverse=True)
    count = min(FOLDS, int(codes.max(initial=0)) + 1)
    for k in range(count):
        yield codes % count == k


def _mapped(method: Method, old: Floats, new: Floats, out: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Floats:
    return fit(method, old[~out], new[~out]).apply(old[out], "")
