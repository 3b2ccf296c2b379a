"""What a frame looks like, measured on its pixels: how light it is, and a small picture to tell it from others."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from herdbook.learning.datasets.plan import LightPlan
from herdbook.learning.pixels import Image

THUMB = (48, 36)
"""Cells across and down of the small picture."""
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class Light(StrEnum):
    """How light a frame is."""

    DAY = "day"
    DIM = "dim"
    NIGHT = "night"


@dataclass(frozen=True, eq=False)
class Look:
    """Figures of one frame."""

    luma: float
    """Mean, 0..255 (ITU-R BT.601)."""
    colour: float
    """Mean of the largest less the smallest of R, G, B: near 0 under infrared light."""
    thumb: NDArray[np.uint8]
    """``[36, 48]`` mean luma of each cell."""


def look_at(image: Image) -> Look:
    """Measure a frame, on its small picture: means of cells are means of pixels."""
    from PIL import Image as Pictures

    cells = np.asarray(Pictures.fromarray(image).resize(THUMB, Pictures.Resampling.BOX), dtype=np.float32)
    luma = cells @ _LUMA
    spread = cells.max(axis=2) - cells.min(axis=2)
    return Look(float(luma.mean()), float(spread.mean()), np.rint(luma).astype(np.uint8))


def light_of(look: Look, plan: LightPlan) -> Light:
    """Day, dim or night."""
    if look.colour < plan.infrared_below or look.luma < plan.night_below:
        return Light.NIGHT
    return Light.DIM if look.luma < plan.dim_below else Light.DAY


class Seen:
    """Frames of one camera that are taken already."""

    def __init__(self, near: float, step: float) -> None:
        self._near, self._step = near, step
        self._thumbs: list[NDArray[np.uint8]] = []

    def is_near(self, look: Look) -> bool:
        """Whether a frame differs from one of them in fewer cells than counts.

        The camera hangs still: hashes of the whole picture (dHash) see mostly its unchanging floor, and their bits are
        noise where it is even (docs/adr/0101). A mean over a cell is not.
        """
        if not self._thumbs:
            return False
        taken = np.stack(self._thumbs).astype(np.int16)
        changed = (np.abs(taken - look.thumb.astype(np.int16)) > self._step).mean(axis=(1, 2))
        return bool(changed.min() < self._near)

    def add(self, look: Look) -> None:
        """Take a frame."""
        self._thumbs.append(look.thumb)
