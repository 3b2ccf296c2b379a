"""Random tables of the shapes that studies make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Table = dict[str, np.ndarray]


def pick(table: Mapping[str, Any], *names: str) -> Table:
    """Some columns."""
    return {name: table[name] for name in names}


def matched(seed: int, sets: int = 80, controls: int = 4, farms: int = 8, *, several: bool = False) -> Table:
    """Case-control sets with covariates a, b (correlated) and c (0/1), farms around the sets, and weights.

    Args:
        seed: of the draws.
        sets: how many.
        controls: in each set; with ``several`` up to so many more cases and controls.
        farms: clusters of sets.
        several: sets of one to three cases and one or more controls; a few have no case.
    """
    rng = np.random.default_rng(seed)
    size = rng.integers(2, controls + 4, sets) if several else np.full(sets, controls + 1)
    member = np.repeat(np.arange(sets), size)
    rows = len(member)
    farm = member % farms
    shared = rng.normal(0, 0.5, farms)[farm]
    a = rng.normal(size=rows) + shared
    b = 0.5 * a + rng.normal(size=rows)
    c = rng.integers(0, 2, rows)
    appeal = 0.6 * a - 0.4 * b + 0.5 * c + rng.gumbel(size=rows)
    case = np.zeros(rows, np.int64)
    for k in range(sets):
        inside = np.flatnonzero(member == k)
        cases = int(rng.integers(0, min(4, len(inside) + 1))) if several else 1
        case[inside[np.argsort(-appeal[inside])[:cases]]] = 1
    return {
        "a": a, "b": b, "c": c, "case": case, "set": member, "farm": farm, "w": rng.uniform(0.3, 1.0, rows),
    }  # fmt: skip


def followed(seed: int, animals: int = 150, farms: int = 10) -> Table:
    """Intervals of animals that enter late, in two pieces each, with ties, three causes (0: none) and pens as strata.

    Covariate a changes with time; b and c do not. Times are whole days.
    """
    rng = np.random.default_rng(seed)
    farm = np.arange(animals) % farms
    b, c = rng.normal(size=animals), rng.integers(0, 2, animals)
    first, second = rng.normal(size=(2, animals))
    begin = rng.integers(0, 40, animals)
    change = begin + rng.integers(1, 20, animals)
    rate = 0.02 * np.exp(0.5 * second - 0.3 * b + 0.4 * c + rng.normal(0, 0.3, farms)[farm])
    end = change + np.ceil(rng.exponential(1 / rate)).astype(np.int64)
    last = change + rng.integers(1, 90, animals)
    cause = np.where(end <= last, rng.choice([1, 1, 2, 3], animals), 0)
    zero = np.zeros(animals, np.int64)

    def both(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.column_stack((x, y)).ravel()

    return {
        "start": both(begin, change),
        "stop": both(change, np.minimum(end, last)),
        "cause": both(zero, cause),
        "a": both(first, second),
        "b": np.repeat(b, 2),
        "c": np.repeat(c, 2),
        "row": np.arange(2 * animals),
        "animal": np.repeat(np.arange(animals), 2),
        "farm": np.repeat(farm, 2),
        "pen": np.repeat(np.arange(animals) % 4, 2),
        "w": np.repeat(rng.uniform(0.3, 1.0, animals), 2),
    }
