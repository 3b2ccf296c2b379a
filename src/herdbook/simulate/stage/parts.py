"""Drawn parts of animals: trunks and heads with their coats, marks and dirt, as textures with an anchor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.bodies import Body, Floats
from herdbook.simulate.coats import Pattern
from herdbook.simulate.stage import anatomy, noise
from herdbook.simulate.stage.anatomy import Trunk
from herdbook.simulate.stage.hides import Hide
from herdbook.simulate.stage.species import Species

_DIRT = np.array((78.0, 64.0, 48.0))
_HOOF = np.array((58.0, 52.0, 48.0))
_TAG = np.array((226.0, 190.0, 40.0))
_SNOUT = {"pig": np.array((206.0, 146.0, 138.0)), "calf": np.array((92.0, 78.0, 76.0))}


class Head(StrEnum):
    """How a head is held."""

    LEVEL = "level"
    DOWN = "down"
    UP = "up"
    SIDE = "side"
    """Flat on the floor, one ear and one eye up."""


@dataclass(frozen=True)
class Part:
    """A texture ``[h, w, 4]`` (colour times mask, and mask, 0..255), its anchor in it (column, row), and texels per
    metre."""

    texture: NDArray[np.uint8]
    anchor: tuple[float, float]
    texels: float


def draw_trunk(species: Species, body: Body, hide: Hide, look: Trunk, *, dirt: float, texels: float) -> Part:
    """A body without its head; the anchor is its centre."""
    x, y, colour, light, whole = _copy(_skin(species, body, hide, replace(look, step=None), dirt=dirt, texels=texels))
    legs = np.array(hide.base) * 0.92 + 0.5 * dirt * (_DIRT - np.array(hide.base))
    for limb in anatomy.limbs(species, body, look):
        window = _window(x, y, limb)
        far, along = _distance(x[window], y[window], limb)
        leg = (far <= limb.radius) & ~whole[window]
        colour[window][leg] = legs
        colour[window][leg & (along > 0.86)] = _HOOF
        light[window][leg] = 0.86 - 0.25 * (far[leg] / limb.radius)
        whole[window] |= leg
    return _finish(_Drawing(x, y, colour, light, whole), texels, hide.seed)


class _Drawing(NamedTuple):
    """A part under way: the grid's metres ``[h, w]``, colour ``[h, w, 3]``, light and silhouette ``[h, w]``."""

    x: Floats
    y: Floats
    colour: Floats
    light: Floats
    whole: NDArray[np.bool_]


@lru_cache(maxsize=64)
def _skin(species: Species, body: Body, hide: Hide, look: Trunk, *, dirt: float, texels: float) -> _Drawing:
    """A body without limbs."""
    x, y = _grid(
        (-1.18 * body.length_m / 2, 0.75 * body.length_m / 2), body.width_m / 2 + species.leg_m[0] * 1.25, texels
    )
    u, v = x / (body.length_m / 2 * anatomy.STRETCH[look.attitude]), y / (body.width_m / 2)
    silhouette, light, across = anatomy.trunk(species, look, u, v)
    flank = across if look.attitude is not anatomy.Attitude.LATERAL else across * 0.5 + 0.5 * look.side
    colour = _coat(hide, u, flank)
    if hide.sprayed:
        mark = np.clip(1.6 - np.hypot((u - hide.spray_at) / 0.13, v / 0.42) * 1.2, 0, 0.85)
        _blend(colour, np.array(hide.spray, float), np.where(silhouette, mark, 0))
    rng = np.random.default_rng(hide.seed + 1)
    spots = noise.field(rng, u.shape, (7, 14)) + 0.7 * np.abs(across).clip(0, 1) - 0.3 * u
    _blend(colour, _DIRT, 0.6 * noise.above(spots, dirt, 0.9))
    return _Drawing(x, y, colour, light, silhouette)


def draw_head(species: Species, body: Body, hide: Hide, held: Head, *, dirt: float, texels: float) -> Part:
    """A head; the anchor is the neck, about which it turns."""
    long = head_length(species, body) * {Head.LEVEL: 1.0, Head.DOWN: 0.76, Head.UP: 0.84, Head.SIDE: 1.0}[held]
    half = body.width_m / 2 * {Head.LEVEL: 1.0, Head.DOWN: 0.94, Head.UP: 1.10, Head.SIDE: 0.95}[held]
    x, y = _grid((-0.5 * long, 1.1 * long), half * 1.15, texels)
    s, v = x / long, y / half
    across = v / np.maximum(anatomy.width(species.head, s), 1e-3)
    whole = (np.abs(across) <= 1) & (s >= species.head[0][0])
    light = 0.70 + 0.34 * np.sqrt(1 - np.clip(across, -1, 1) ** 2)
    light *= {Head.LEVEL: 1.0, Head.DOWN: 0.80, Head.UP: 1.08, Head.SIDE: 0.98}[held]
    if held is Head.DOWN:
        light -= 0.15 * np.clip(s, 0, 1)
    colour = np.empty((*s.shape, 3))
    colour[:] = hide.base
    if species.name == "calf" and hide.pattern is Pattern.SPOTS:
        _blend(colour, np.array(hide.second, float), np.clip(1.5 - np.abs(v) / 0.12, 0, 1) * (s > 0.1))
    elif hide.pattern is Pattern.SPOTS:
        spots = noise.field(np.random.default_rng(hide.seed + 2), s.shape, (3, 4))
        _blend(colour, np.array(hide.second, float), noise.above(spots, hide.share))
    colour[s > (0.90 if held is not Head.UP else 0.82)] = _SNOUT[species.name]
    for side in (-1, 1):
        if held is not Head.SIDE or side > 0:
            colour[np.hypot((s - 0.42) / 0.05, (v - side * (0.30 if held is not Head.SIDE else 0.05)) / 0.07) < 1] = 24
    at, out, long_ear, wide_ear = species.ear
    for side in (-1, 1):
        if held is Head.SIDE and side < 0:
            continue
        place = side * out if held is not Head.SIDE else 0.12
        ear = ((s - at) / (0.8 * long_ear)) ** 2 + ((v - place) / wide_ear) ** 2 <= 1
        light[ear] = 0.74 + 0.2 * np.clip((s[ear] - at) / long_ear, -1, 1)
        colour[ear] = np.array(hide.base) * 0.95
        whole |= ear
        if side > 0:
            colour[np.hypot((s - at) * long, (v - place) * half) < 0.016] = _TAG
    muddy = noise.field(np.random.default_rng(hide.seed + 3), s.shape, (4, 4)) + 0.8 * s
    _blend(colour, _DIRT, 0.55 * noise.above(muddy, 0.8 * dirt, 0.9))
    return _finish(_Drawing(x, y, colour, light, whole), texels, hide.seed + 4)


def head_length(species: Species, body: Body) -> float:
    """From neck to snout, metres."""
    return (1 - species.neck) * body.length_m / 2


def _grid(x: tuple[float, float], y: float, texels: float) -> tuple[Floats, Floats]:
    columns = np.arange(round(x[0] * texels) - 2, round(x[1] * texels) + 3) / texels
    rows = np.arange(-round(y * texels) - 2, round(y * texels) + 3) / texels
    gx, gy = np.meshgrid(columns, rows)
    return gx, gy


def _window(x: Floats, y: Floats, limb: anatomy.Limb) -> tuple[slice, slice]:
    """The rows and columns of a grid that a limb can reach."""
    low, high = np.minimum(limb.start, limb.end) - limb.radius, np.maximum(limb.start, limb.end) + limb.radius
    columns, rows = x[0].searchsorted((low[0], high[0])), y[:, 0].searchsorted((low[1], high[1]))
    return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))


def _distance(x: Floats, y: Floats, limb: anatomy.Limb) -> tuple[Floats, Floats]:
    """How far points are from a limb's axis, and how far along it, 0..1."""
    (x0, y0), (x1, y1) = limb.start, limb.end
    dx, dy = x1 - x0, y1 - y0
    along = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
    return np.hypot(x - x0 - along * dx, y - y0 - along * dy), along


def _coat(hide: Hide, u: Floats, v: Floats) -> Floats:
    colour = np.empty((*u.shape, 3))
    colour[:] = hide.base
    second = np.array(hide.second, float)
    if hide.pattern is Pattern.SADDLE:
        _blend(colour, second, np.clip((0.17 - np.abs(u - 0.24 - 0.04 * np.cos(3 * v))) / 0.03, 0, 1))
    elif hide.pattern is Pattern.HALF:
        _blend(colour, second, np.clip((-0.45 - u + 0.08 * np.sin(4 * v)) / 0.04, 0, 1))
    elif hide.pattern is Pattern.SPOTS:
        blotches = noise.field(np.random.default_rng(hide.seed), u.shape, (5, 8))
        _blend(colour, second, noise.above(blotches, hide.share))
    return colour


def _blend(colour: Floats, other: Floats, share: Floats) -> None:
    colour += (other - colour) * share[..., None]


def _copy(drawing: _Drawing) -> _Drawing:
    return _Drawing(drawing.x, drawing.y, drawing.colour.copy(), drawing.light.copy(), drawing.whole.copy())


def _finish(drawing: _Drawing, texels: float, seed: int) -> Part:
    fur = np.random.default_rng(seed).normal(1.0, 0.045, drawing.light.shape)
    rgb = np.clip(drawing.colour * (drawing.light * fur)[..., None], 0, 255) * drawing.whole[..., None]
    texture = np.dstack([rgb, np.where(drawing.whole, 255, 0)]).astype(np.uint8)
    anchor = (-drawing.x[0, 0] * texels, -drawing.y[0, 0] * texels)
    return Part(np.ascontiguousarray(texture), anchor, texels)
