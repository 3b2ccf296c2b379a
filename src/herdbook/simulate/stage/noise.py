"""Smooth random fields, which floors, coats, dirt and haze are made of."""

from __future__ import annotations

import numpy as np

from herdbook.simulate.bodies import Floats
from herdbook.simulate.opencv import opencv


def field(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]) -> Floats:
    """Noise ``[rows, columns]`` of mean 0 and standard deviation about 1 with so many blotches down and across."""
    cv2 = opencv()
    coarse = rng.normal(size=(max(2, cells[0]), max(2, cells[1])))
    smooth = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.float64)


def above(values: Floats, share: float, soft: float = 0.15) -> Floats:
    """1 where a field is among its highest ``share``, 0 elsewhere, with an edge ``soft`` standard deviations wide."""
    if share <= 0:
        return np.zeros_like(values)
    level = float(np.quantile(values, 1 - min(share, 1.0)))
    return np.clip((values - level) / soft + 0.5, 0, 1)
