"""A camera as the device knows it: where it hangs, its zones and its metric calibration, each valid for a time."""

from __future__ import annotations

import math
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from herdbook.contracts.farmtime import Instant
from herdbook.contracts.identifiers import Slug


class Contract(BaseModel):
    """Base of everything read from outside: frozen, numbers are finite, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Point = tuple[float, float]
"""``x, y`` in pixels of the full frame, origin top left."""


class _TimeValid(Contract):
    valid_from: Instant
    valid_to: Instant | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("valid_to must be later than valid_from")
        return self

    def holds_at(self, moment: datetime) -> bool:
        """Whether this is the valid one at an instant."""
        return self.valid_from <= moment and (self.valid_to is None or moment < self.valid_to)


class ZoneKind(StrEnum):
    """What animals do in a zone."""

    FEEDER = "feeder"
    DRINKER = "drinker"
    LYING = "lying"
    EXCLUDED = "excluded"


class Zone(_TimeValid):
    """A polygon in the picture."""

    zone_id: Slug
    kind: ZoneKind
    polygon: Annotated[tuple[Point, ...], Field(min_length=3, max_length=64)]


_SINGULAR = 1e-9


class Calibration(_TimeValid):
    """Metric calibration of an overhead camera: the plane homography from pixels to metres on the pen floor.

    ``homography`` is row-major 3x3: ``[X, Y, W] = H @ [x, y, 1]``, metres = ``X/W, Y/W``
    (Hartley & Zisserman 2004, ch. 2).
    """

    calibration_id: Slug
    homography: Annotated[tuple[float, ...], Field(min_length=9, max_length=9)]
    error_m: Annotated[float, Field(ge=0)] | None = None
    """Root mean square error on the calibration points, metres."""

    @model_validator(mode="after")
    def _invertible(self) -> Self:
        """The determinant over the product of the columns' lengths (Hadamard): 0 where columns depend on each other."""
        a, b, c, d, e, f, g, h, i = self.homography
        lengths = math.hypot(a, d, g) * math.hypot(b, e, h) * math.hypot(c, f, i)
        determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
        if not abs(determinant) > _SINGULAR * lengths:
            raise ValueError(f"the homography of {self.calibration_id} is singular: no pixel has a place on the floor")
        return self


class Camera(Contract):
    """One camera of a device."""

    camera_id: Slug
    pen_id: Slug
    width: Annotated[int, Field(gt=0, le=16384)]
    height: Annotated[int, Field(gt=0, le=16384)]
    fps: Annotated[float, Field(gt=0, le=1000)]
    zones: tuple[Zone, ...] = ()
    calibrations: tuple[Calibration, ...] = ()

    @model_validator(mode="after")
    def _one_calibration_at_a_time(self) -> Self:
        ordered = sorted(self.calibrations, key=lambda c: c.valid_from)
        for one, following in pairwise(ordered):
            if one.valid_to is None or one.valid_to > following.valid_from:
                raise ValueError(
                    f"calibrations {one.calibration_id} and {following.calibration_id} hold at the same time: "
                    "give the earlier one a valid_to"
                )
        return self

    def calibration_at(self, moment: datetime) -> Calibration | None:
        """The calibration valid at an instant, or none."""
        return next((c for c in self.calibrations if c.holds_at(moment)), None)

    def zones_at(self, moment: datetime) -> tuple[Zone, ...]:
        """The zones valid at an instant."""
        return tuple(z for z in self.zones if z.holds_at(moment))
