"""A pen's floor: where it has its trough, drinkers and lying area. Metres; origin in one corner, x right, y down."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from herdbook.contracts.camera import Contract

SPACE_PER_ANIMAL_M2 = 3.2
"""Roomy, so that overlap of silhouettes stays the exception."""
TROUGH_DEPTH_M = 0.30
PLACE_WIDTH_M = 0.50
"""Width of one place at the trough."""
FEEDER_ZONE_M = 1.05
DRINKER_ZONE_M = 0.55
"""Zones reach so far from their wall (feeder) or nipple (drinker) that who eats or drinks has its centre inside."""


class Rectangle(Contract):
    """An upright rectangle, ``x0 < x1`` and ``y0 < y1``."""

    x0: float
    y0: float
    x1: float
    y1: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise ValueError("a rectangle needs a positive width and height")
        return self

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """The four corners, clockwise in the picture."""
        return (self.x0, self.y0), (self.x1, self.y0), (self.x1, self.y1), (self.x0, self.y1)

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies inside."""
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1


class Layout(Contract):
    """Trough along the left wall, nipple drinkers on the upper wall, lying area on the right; or the mirror image."""

    width_m: Annotated[float, Field(gt=0)]
    depth_m: Annotated[float, Field(gt=0)]
    mirrored: bool
    """Left and right exchanged."""
    trough: Rectangle
    drinkers: tuple[tuple[float, float], ...]
    lying: Rectangle
    toy: Annotated[tuple[float, float] | None, Field(exclude_if=lambda value: value is None)] = None
    """Where something to play with hangs, if anything does."""

    @property
    def feeder_zone(self) -> Rectangle:
        """The strip before the trough in which those who eat stand."""
        y0, y1 = self.trough.y0, self.trough.y1
        if self.mirrored:
            return Rectangle(x0=self.width_m - FEEDER_ZONE_M, y0=y0, x1=self.width_m, y1=y1)
        return Rectangle(x0=0.0, y0=y0, x1=FEEDER_ZONE_M, y1=y1)

    @property
    def drinker_zone(self) -> Rectangle:
        """The floor below the drinkers in which those who drink stand."""
        xs = [x for x, _ in self.drinkers]
        return Rectangle(x0=min(xs) - 0.3, y0=0.0, x1=max(xs) + 0.3, y1=2 * DRINKER_ZONE_M)

    def eating_places(self) -> np.ndarray:
        """``[n, 3]``: where a snout reaches the trough (x, y) and the heading of the body, radians."""
        n = max(1, int((self.trough.y1 - self.trough.y0) / PLACE_WIDTH_M))
        ys = self.trough.y0 + (np.arange(n) + 0.5) * (self.trough.y1 - self.trough.y0) / n
        x, heading = (self.trough.x0 + 0.08, 0.0) if self.mirrored else (self.trough.x1 - 0.08, np.pi)
        return np.column_stack([np.full(n, x), ys, np.full(n, heading)])

    def drinking_places(self) -> np.ndarray:
        """``[n, 3]``, as `eating_places`."""
        return np.array([(x, y, -np.pi / 2) for x, y in self.drinkers])


def draw_layout(
    animals: int, cameras: int, rng: np.random.Generator, *, space_m2: float = SPACE_PER_ANIMAL_M2, toy: bool = False
) -> Layout:
    """A pen for so many animals, mirrored or not by chance: 4:3 under one camera, 8:3 under two side by side."""
    area, aspect = space_m2 * max(animals, 4), 4 / 3 * cameras
    width, depth = float(np.sqrt(area * aspect)), float(np.sqrt(area / aspect))
    mirrored = bool(rng.random() < 0.5)

    def across(x0: float, x1: float) -> tuple[float, float]:
        return (width - x1, width - x0) if mirrored else (x0, x1)

    trough = across(0.0, TROUGH_DEPTH_M)
    lying = across(width * 0.50, width)
    drinkers = sorted(width - x if mirrored else x for x in (width * 0.30, width * 0.30 + 0.6))
    return Layout(
        width_m=round(width, 3),
        depth_m=round(depth, 3),
        mirrored=mirrored,
        trough=Rectangle(x0=trough[0], y0=depth * 0.30, x1=trough[1], y1=depth * 0.95),
        drinkers=tuple((x, 0.12) for x in drinkers),
        lying=Rectangle(x0=lying[0], y0=0.0, x1=lying[1], y1=depth),
        toy=(round(width * float(rng.uniform(0.4, 0.6)), 3), round(depth * 0.62, 3)) if toy else None,
    )
