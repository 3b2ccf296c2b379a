"""Where the parts of a body lie in each attitude: outlines, limbs and the light on them. Nothing is coloured here.

Coordinates are metres from the body's centre, x towards the head; ``u`` and ``v`` are x and y in half lengths and half
widths.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from herdbook.simulate.bodies import Body, Floats
from herdbook.simulate.stage.species import Outline, Species

STEPS = 8
"""Drawn phases of a stride."""
_SWING_M = 0.10


class Attitude(StrEnum):
    """How a body is held."""

    UPRIGHT = "upright"
    SITTING = "sitting"
    STERNAL = "sternal"
    """Lying on the belly, legs folded."""
    LATERAL = "lateral"
    """Lying flat on the side, legs stretched away from the body."""


@dataclass(frozen=True)
class Trunk:
    """One drawn look of a body without its head: ``step`` of a stride (upright; none while it stands), ``side`` that
    the legs lie on (lateral and sternal, -1 or 1), ``spread`` a variant of where stretched legs lie."""

    attitude: Attitude
    step: int | None = None
    side: int = 1
    spread: int = 0


class Limb(NamedTuple):
    """A capsule from one point to another, metres."""

    start: tuple[float, float]
    end: tuple[float, float]
    radius: float


def limbs(species: Species, body: Body, look: Trunk) -> list[Limb]:
    """Legs and tail, as far as they can be seen from above."""
    a, b = body.length_m / 2, body.width_m / 2
    reach, thick = species.leg_m
    found = [Limb((-0.95 * a, 0.0), (-1.08 * a, 0.25 * b * (1 if look.spread else -1)), 0.4 * thick)]
    match look.attitude:
        case Attitude.UPRIGHT:
            for n, (u, side) in enumerate(((0.30, -1), (-0.68, 1), (0.30, 1), (-0.68, -1))):
                phase = 0.0 if look.step is None else 2 * np.pi * look.step / STEPS + np.pi * (n // 2)
                swing = 0.0 if look.step is None else _SWING_M * float(np.sin(phase))
                out = 0.82 if look.step is None else 0.98
                found.append(Limb((u * a, side * 0.75 * b), (u * a + swing, side * out * b), 1.1 * thick))
        case Attitude.SITTING:
            for side in (-1, 1):
                found.append(Limb((-0.62 * a, side * 0.9 * b), (-0.16 * a, side * 1.50 * b), 1.6 * thick))
                found.append(Limb((0.22 * a, side * 0.55 * b), (0.46 * a, side * 0.72 * b), 1.2 * thick))
        case Attitude.STERNAL:
            s = look.side
            found.append(Limb((-0.62 * a, s * 0.85 * b), (-0.30 * a, s * 1.18 * b), 1.5 * thick))
            found.append(Limb((-0.70 * a, -s * 0.85 * b), (-0.50 * a, -s * 1.06 * b), 1.3 * thick))
            for side in (-1, 1):
                found.append(Limb((0.26 * a, side * 0.6 * b), (0.54 * a, side * 0.66 * b), 1.1 * thick))
        case Attitude.LATERAL:
            s, far = look.side, b + reach
            lean = (0.10, -0.06)[look.spread] * a
            for u, tip in ((-0.78, -0.80), (-0.66, -0.58), (0.20, 0.30), (0.34, 0.50)):
                found.append(Limb((u * a, s * 0.5 * b), (tip * a + lean, s * far * (0.94 if tip < 0 else 0.9)), thick))
    return found


def trunk(species: Species, look: Trunk, u: Floats, v: Floats) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """The silhouette without limbs, its brightness, and ``v`` scaled so that ±1 is its edge."""
    half = width(species.torso, u)
    broad = np.ones_like(u)
    shift = 0.0
    if look.attitude is Attitude.SITTING:
        broad = 1.14 - 0.16 * np.clip(u + 0.6, 0, 1)
    elif look.attitude is Attitude.STERNAL:
        broad = np.full_like(u, 1.10)
        shift = 0.06 * look.side
    elif look.attitude is Attitude.LATERAL:
        belly = np.exp(-(((u + 0.15) / 0.42) ** 2))
        broad = np.where(v * look.side > 0, 1.0 + 0.28 * belly, 0.86)
    across = (v - shift) / np.maximum(half * broad, 1e-3)
    silhouette = (np.abs(across) <= 1) & (half > 0)
    if look.attitude is Attitude.LATERAL:  # the flank faces up: even light, haunch and shoulder stand out
        light = 0.90 + 0.10 * np.cos(np.clip(across, -1, 1) * np.pi / 2)
        for at in (-0.68, 0.28):
            light += 0.10 * np.exp(-(((u - at) / 0.16) ** 2) - ((v - 0.15 * look.side) / 0.45) ** 2)
        light -= 0.12 * np.exp(-(((across * look.side - 0.35) / 0.12) ** 2)) * (np.abs(u + 0.2) < 0.35)
    else:
        light = 0.62 + 0.42 * np.sqrt(1 - np.clip(across, -1, 1) ** 2)
        light += 0.05 * np.exp(-((v / 0.10) ** 2))
    if look.attitude is Attitude.SITTING:  # the forehand is raised towards the lamp, the back falls away
        light *= 0.84 + 0.24 * np.clip((u + 0.9) / 1.2, 0, 1)
    elif look.attitude is not Attitude.UPRIGHT:
        light *= 0.95
    return silhouette, light, across


STRETCH = {Attitude.UPRIGHT: 1.0, Attitude.SITTING: 0.80, Attitude.STERNAL: 0.97, Attitude.LATERAL: 1.0}
"""Length of a body as seen from above, over its length."""


def width(outline: Outline, at: Floats) -> Floats:
    """Half width of a part along it, 0 beyond its ends."""
    along, half = zip(*outline, strict=True)
    return np.asarray(np.interp(at, along, half, left=0.0, right=0.0))
