"""Floors and what stands on them: the empty pen from straight above, flat, in metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from herdbook.simulate.bodies import Floats
from herdbook.simulate.layout import Layout, Rectangle
from herdbook.simulate.opencv import opencv
from herdbook.simulate.scene import Image
from herdbook.simulate.stage import noise
from herdbook.simulate.stage.plan import Floor

_WALL = (112, 108, 102)
_OUTSIDE = (58, 57, 56)
_STEEL = (136, 138, 142)
_FEED = (122, 98, 62)
_TOY = (70, 74, 120)
_BASE: dict[Floor, tuple[int, int, int]] = {
    Floor.CONCRETE: (112, 109, 102),
    Floor.PART_SLATS: (104, 102, 97),
    Floor.SLATS: (96, 95, 92),
    Floor.STRAW: (158, 132, 84),
    Floor.RUBBER: (62, 63, 66),
}
_BAR_M, _GAP_M = 0.10, 0.02
"""Concrete beams and gaps of slatted floors for growing pigs, about (2008/120/EC: gaps of at most 18 mm)."""


@dataclass(frozen=True)
class Ground:
    """A flat picture of floor: ``per_metre`` texels, ``origin`` the metres of texel (0, 0)."""

    per_metre: float
    origin: tuple[float, float]
    shape: tuple[int, int]

    def texels(self, points: Floats) -> Floats:
        """Texels ``[..., 2]`` (column, row) of floor points in metres."""
        return np.asarray((points - np.array(self.origin)) * self.per_metre)


def ground(layout: Layout, per_metre: float, border_m: float) -> Ground:
    """A raster that holds the pen and a border around it."""
    shape = (
        int(np.ceil((layout.depth_m + 2 * border_m) * per_metre)),
        int(np.ceil((layout.width_m + 2 * border_m) * per_metre)),
    )
    return Ground(per_metre, (-border_m, -border_m), shape)


def empty_floor(layout: Layout, kind: Floor, raster: Ground, *, wet: float, rng: np.random.Generator) -> Image:
    """The pen without animals; ``wet`` is the share of soiled floor."""
    rows, columns = raster.shape
    y, x = np.mgrid[:rows, :columns] / raster.per_metre
    x, y = x + raster.origin[0], y + raster.origin[1]
    cells = (rows // 28 + 2, columns // 28 + 2)
    colour = np.empty((rows, columns, 3))
    colour[:] = _BASE[kind]
    light = (
        1
        + 0.06 * noise.field(rng, raster.shape, cells)
        + 0.03 * noise.field(rng, raster.shape, (rows // 6, columns // 6))
    )
    if kind in (Floor.SLATS, Floor.PART_SLATS):
        gap = (y % (_BAR_M + _GAP_M)) < _GAP_M
        gap |= (x % 1.0) < 0.02
        slatted = gap if kind is Floor.SLATS else gap & ~_inside(layout.lying, x, y)
        light[slatted] *= 0.45
    elif kind is Floor.RUBBER:
        light[((x % 1.2) < 0.015) | ((y % 0.9) < 0.015)] *= 0.6
        light *= 1 + 0.08 * (((x / 0.04).astype(int) + (y / 0.04).astype(int)) % 2)
    elif kind is Floor.CONCRETE:
        light[np.abs(noise.field(rng, raster.shape, (5, 7))) < 0.012] *= 0.75
    soiled = noise.above(noise.field(rng, raster.shape, (9, 12)), wet, 0.5)
    colour += (np.array((64.0, 58.0, 46.0)) - colour) * (0.7 * soiled)[..., None]
    picture = np.clip(colour * light[..., None], 0, 255).astype(np.uint8)
    if kind is Floor.STRAW:
        _strew(picture, raster, layout, rng)
    _furnish(picture, layout, x, y)
    picture = np.clip(picture * rng.normal(1, 0.02, (rows, columns, 1)), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(picture)


def _strew(picture: Image, raster: Ground, layout: Layout, rng: np.random.Generator) -> None:
    cv2 = opencv()
    n = int(900 * layout.width_m * layout.depth_m / 4)
    at = raster.texels(rng.uniform((0, 0), (layout.width_m, layout.depth_m), (n, 2)))
    turn, long = rng.uniform(0, np.pi, n), rng.uniform(0.05, 0.16, n) * raster.per_metre
    ends = np.column_stack([np.cos(turn), np.sin(turn)]) * long[:, None] / 2
    shade = rng.uniform(0.62, 1.35, n)
    for a, b, s in zip(np.rint(at - ends).astype(int), np.rint(at + ends).astype(int), shade, strict=True):
        tone = tuple(int(v) for v in np.clip(np.array((186, 154, 92)) * s, 0, 255))
        cv2.line(picture, a.tolist(), b.tolist(), tone, 1, cv2.LINE_AA)


def _furnish(picture: Image, layout: Layout, x: Floats, y: Floats) -> None:
    pen = Rectangle(x0=0, y0=0, x1=layout.width_m, y1=layout.depth_m)
    outside = ~_inside(pen, x, y)
    picture[outside] = _OUTSIDE
    picture[outside & _inside(pen, x, y, 0.08)] = _WALL
    near = np.minimum.reduce([x, y, layout.width_m - x, layout.depth_m - y])
    picture[:] = (picture * np.where(outside, 1.0, np.clip(0.7 + near / 0.25, 0.7, 1.0))[..., None]).astype(np.uint8)
    picture[_inside(layout.trough, x, y)] = _STEEL
    picture[_inside(layout.trough, x, y, -0.05)] = _FEED
    for at_x, at_y in layout.drinkers:
        picture[(np.abs(x - at_x) < 0.03) & (y >= 0) & (y < at_y)] = _STEEL
        picture[np.hypot(x - at_x, y - at_y) < 0.045] = (150, 60, 52)
    if layout.toy is not None:
        picture[np.hypot(x - layout.toy[0], y - layout.toy[1]) < 0.09] = _TOY


def _inside(area: Rectangle, x: Floats, y: Floats, grown: float = 0.0) -> np.ndarray:
    across = (x >= area.x0 - grown) & (x <= area.x1 + grown)
    return np.asarray(across & (y >= area.y0 - grown) & (y <= area.y1 + grown))
