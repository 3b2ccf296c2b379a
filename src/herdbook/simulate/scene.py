"""The empty pen as its camera sees it, and how the light on it changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.bodies import Floats
from herdbook.simulate.farm import SimulatedCamera
from herdbook.simulate.layout import Layout, Rectangle

Image = NDArray[np.uint8]
"""``[height, width, 3]``, red, green, blue."""

FLOOR = (68, 67, 63)
_SLAT = (54, 53, 50)
_MAT = (60, 63, 70)
_WALL = (104, 100, 94)
_OUTSIDE = (40, 40, 42)
_TROUGH = (128, 130, 134)
_FEED = (112, 90, 58)
_NIPPLE = (150, 40, 40)


def empty_pen(layout: Layout, camera: SimulatedCamera, size: tuple[int, int], *, pad: int, seed: int) -> Image:
    """The picture of a pen without animals, with ``pad`` more pixels on every side."""
    width, height = size
    y, x = np.mgrid[-pad : height + pad, -pad : width + pad].astype(float)
    h = camera.to_metres
    mx, my = h[0, 0] * x + h[0, 1] * y + h[0, 2], h[1, 0] * x + h[1, 1] * y + h[1, 2]
    colour = np.empty((*x.shape, 3))
    colour[:] = _OUTSIDE
    pen = Rectangle(x0=0, y0=0, x1=layout.width_m, y1=layout.depth_m)
    colour[_inside(pen, mx, my, grown=0.06)] = _WALL
    colour[_inside(pen, mx, my)] = FLOOR
    slatted = _inside(pen, mx, my) & ((my / 0.12) % 1 < 0.14)
    colour[slatted] = _SLAT
    colour[_inside(layout.lying, mx, my)] = _MAT
    colour[_inside(layout.trough, mx, my)] = _TROUGH
    colour[_inside(layout.trough, mx, my, grown=-0.05)] = _FEED
    for at_x, at_y in layout.drinkers:
        colour[np.hypot(mx - at_x, my - at_y) < 0.06] = _NIPPLE
    rng = np.random.default_rng(seed)
    stains = _smooth(rng, x.shape, 24) * 0.05 + _smooth(rng, x.shape, 5) * 0.03 + rng.normal(0, 0.02, x.shape)
    return np.asarray(np.clip(colour * (1 + stains)[..., None], 0, 255).astype(np.uint8))


def light(moment: float, hour: float, phase: float) -> float:
    """Brightness about 1 at a POSIX time and local hour: dim at night, drifting by a few per cent as clouds pass."""
    daylight = 1 / (1 + np.exp(-(hour - 5.5) * 3)) / (1 + np.exp((hour - 21.0) * 3))
    clouds = 0.025 * np.sin(2 * np.pi * moment / 5400 + phase) + 0.015 * np.sin(2 * np.pi * moment / 940 + 2 * phase)
    return float(0.72 + 0.27 * daylight + clouds * daylight)


def _inside(area: Rectangle, mx: Floats, my: Floats, grown: float = 0.0) -> NDArray[np.bool_]:
    across = (mx >= area.x0 - grown) & (mx <= area.x1 + grown)
    return np.asarray(across & (my >= area.y0 - grown) & (my <= area.y1 + grown))


def _smooth(rng: np.random.Generator, shape: tuple[int, ...], grain: int) -> Floats:
    """Noise of standard deviation about 1 whose blotches are about ``grain`` pixels wide."""
    from scipy.ndimage import zoom

    coarse = rng.normal(size=(shape[0] // grain + 3, shape[1] // grain + 3))
    return np.asarray(zoom(coarse, grain, order=1)[: shape[0], : shape[1]])
