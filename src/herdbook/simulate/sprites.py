"""One animal from above in each posture, drawn once: a texture with its coat, and a mask.

Coordinates on the body: ``u`` along it, -1 at the tail and 1 at the snout, ``v`` across it, ±1 at half its width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.ethogram import Posture
from herdbook.simulate.bodies import Floats
from herdbook.simulate.coats import Coat, Pattern
from herdbook.simulate.farm import Animal

SUPERSAMPLING = 2
BENDS = (-0.6, -0.3, 0.0, 0.3, 0.6)
"""Curvatures in which an upright animal is drawn; at ±1 the snout lies half a body length aside."""

# Half width of the silhouette along the body: rump, belly, shoulders, neck, head, snout.
_U = (-1.0, -0.97, -0.88, -0.65, -0.25, 0.15, 0.38, 0.52, 0.64, 0.80, 0.92, 0.98, 1.0)
_W = (0.0, 0.42, 0.74, 0.95, 1.00, 0.96, 0.88, 0.72, 0.64, 0.50, 0.36, 0.33, 0.22)
_SNOUT = (198, 142, 134)


@dataclass(frozen=True)
class Look:
    """What an animal looks like at a moment: its posture, and a bend (upright) or the side it lies on (-1, 1)."""

    posture: Posture
    bend: float = 0.0
    side: int = 1


def nearest_bend(bend: float) -> float:
    """The drawn bend that is nearest."""
    return min(BENDS, key=lambda b: abs(b - bend))


def draw_sprite(animal: Animal, look: Look, pixels_per_metre: float) -> NDArray[np.uint8]:
    """Draw one look, `SUPERSAMPLING` times as large as it appears.

    Returns:
        Texture ``[h, w, 4]`` (RGB and mask 0 or 255), head to the right, the body's centre in the middle.
    """
    half_length = animal.length_m / 2 * pixels_per_metre * SUPERSAMPLING
    half_width = animal.width_m / 2 * pixels_per_metre * SUPERSAMPLING
    stretch, broad = {Posture.STANDING: (1.0, 1.0), Posture.SITTING: (0.86, 1.08), Posture.LYING: (0.97, 1.12)}[
        look.posture
    ]
    rows, columns = int(half_width * 2) * 2 + 5, int(half_length * 1.12) * 2 + 5
    y, x = np.mgrid[:rows, :columns].astype(float)
    u = (x - columns // 2) / (half_length * stretch)
    offset = look.bend * np.clip(u + 0.2, 0, None) ** 2 * half_length * 0.35
    v = (y - rows // 2 - offset) / (half_width * broad)
    silhouette, relief = _shape(u, v, look)
    colour = _coat(animal.coat, u, v / np.maximum(_half_width(u), 0.2))
    limbs = silhouette & (np.abs(v) > _half_width(u))
    colour[limbs] = np.array(animal.coat.base) * 0.9
    texture = np.random.default_rng(animal.coat.seed).normal(1.0, 0.03, u.shape)
    rgb = np.clip(colour * (relief * texture)[..., None], 0, 255).astype(np.uint8)
    return np.dstack([rgb, np.where(silhouette, 255, 0).astype(np.uint8)])


def _half_width(u: Floats) -> Floats:
    return np.interp(u, _U, _W, left=0.0, right=0.0)


def _ellipse(u: Floats, v: Floats, at: tuple[float, float], size: tuple[float, float]) -> NDArray[np.bool_]:
    return np.asarray(((u - at[0]) / size[0]) ** 2 + ((v - at[1]) / size[1]) ** 2 <= 1)


def _shape(u: Floats, v: Floats, look: Look) -> tuple[NDArray[np.bool_], Floats]:
    """The silhouette, and its brightness: high along the back, dark towards the flanks."""
    width = _half_width(u)
    torso = (np.abs(v) <= width) & (np.abs(u) <= 1)
    ridge = 0.35 * look.side if look.posture is Posture.LYING else 0.0  # who lies shows more of one flank
    across = np.clip(v / np.maximum(width, 0.05) + ridge, -1, 1)
    relief = 0.66 + 0.40 * np.sqrt(1 - across**2)
    shape = torso | _ellipse(u, v, (-1.03, 0.10), (0.05, 0.10))
    for side in (-1, 1):
        ear = _ellipse(u, v, (0.60, side * 0.70), (0.10, 0.22))
        relief[ear] = 0.72
        shape |= ear
    if look.posture is Posture.LYING:
        for at in (-0.66, -0.46, 0.16, 0.32):
            shape |= _ellipse(u, v, (at, look.side * 1.15), (0.05, 0.42))
    return shape, relief


def _coat(coat: Coat, u: Floats, v: Floats) -> Floats:
    """Colours ``[..., 3]`` at places on the body; ``v`` is ±1 at the silhouette's edge."""
    colour = np.empty((*u.shape, 3))
    colour[:] = coat.base
    if coat.pattern is Pattern.SADDLE:
        colour[(u > 0.02) & (u < 0.34)] = coat.second
    elif coat.pattern is Pattern.HALF:
        colour[u < -0.35] = coat.second
    elif coat.pattern is Pattern.SPOTS:
        rng = np.random.default_rng(coat.seed)
        for _ in range(9):
            at, size = (
                (rng.uniform(-0.85, 0.6), rng.uniform(-0.9, 0.9)),
                (rng.uniform(0.06, 0.14), rng.uniform(0.2, 0.5)),
            )
            colour[_ellipse(u, v, at, size)] = coat.second
    colour[_ellipse(u, v, (coat.spray_at, 0.0), (0.24, 0.50))] = coat.spray
    colour[u > 0.92] = _SNOUT
    for side in (-1, 1):
        colour[_ellipse(u, v, (0.74, side * 0.55), (0.022, 0.09))] = (20, 18, 18)
    return colour
