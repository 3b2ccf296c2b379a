"""What is asked of a hard scene. Every figure is a choice; where it follows the literature, that is said."""

from __future__ import annotations

from datetime import time
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from herdbook.contracts.camera import Contract

MAX_SEVERITY = 5
Severity = Annotated[int, Field(ge=0, le=MAX_SEVERITY)]
"""Grades in the manner of Hendrycks & Dietterich 2019 (ICLR, common corruptions); 0 leaves the picture as it is."""


class Condition(StrEnum):
    """What stands between an animal and its picture."""

    NIGHT = "night"
    """Lamps off, infrared on: grey, low contrast, a bright spot in the middle, noise."""
    GLARE = "glare"
    """Sun patches on floor and animals, and a veil over the picture."""
    HAZE = "haze"
    """Dust and vapour: scattered light over attenuated light (Koschmieder's law)."""
    MOTION_BLUR = "motion_blur"
    """A long shutter on a mount that shakes."""
    EXPOSURE = "exposure"
    """Several stops too dark or too light, and hunting."""


class Floor(StrEnum):
    """What animals stand and lie on."""

    CONCRETE = "concrete"
    PART_SLATS = "part-slats"
    SLATS = "slats"
    STRAW = "straw"
    RUBBER = "rubber"


class Fixture(StrEnum):
    """What hangs before the camera."""

    NONE = "none"
    CABLE = "cable"
    LAMP = "lamp"
    WEB = "web"


class Mount(Contract):
    """A camera and how it hangs. It looks at the middle of the pen and sees all of it."""

    height_m: Annotated[float, Field(ge=2, le=12)] = 3.2
    tilt_deg: Annotated[float, Field(ge=0, le=50)] = 0.0
    """Away from straight down."""
    towards_deg: Annotated[float, Field(ge=-180, le=360)] = 90.0
    """In which direction on the floor it is tilted: 0 right, 90 to the picture's lower edge."""
    roll_deg: Annotated[float, Field(ge=-180, le=180)] = 0.0
    distortion: Annotated[float, Field(ge=-0.3, le=0)] = 0.0
    """First radial coefficient (Brown 1966) with the pen's farthest corner at radius 1; below 0 is barrel."""
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Gain of red, green and blue."""
    softness_px: Annotated[float, Field(ge=0, le=3)] = 0.4
    """Standard deviation of the lens's blur."""
    noise: Annotated[float, Field(ge=0, le=20)] = 2.0
    """Standard deviation of the sensor's noise by day, grey levels."""


class Shot(Contract):
    """One clip of every visit: when, and under which conditions."""

    at: time
    """Farm-local start."""
    night: Severity = 0
    glare: Severity = 0
    haze: Severity = 0
    motion_blur: Severity = 0
    exposure: Severity = 0

    def severity(self, condition: Condition) -> int:
        """How bad a condition is."""
        return int(getattr(self, condition.value))


class StagePlan(Contract):
    """The scene of every pen of a farm."""

    species: Annotated[str, Field(pattern="^(pig|calf)$")] = "pig"
    floor: Floor = Floor.CONCRETE
    mount: Mount = Mount()
    space_m2: Annotated[float, Field(ge=0.6, le=10)] = 1.3
    """Floor per animal. Law asks for 0.65 for pigs of 85 to 110 kg (2008/120/EC), 1.5 for calves below 150 kg
    (2008/119/EC)."""
    families: Annotated[int, Field(ge=1, le=40)] = 3
    """Coats of a family are alike but for small marks."""
    marked: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of animals with stock-marker spray."""
    hood: bool = False
    """A roof over the trough hides heads."""
    rails: Annotated[int, Field(ge=0, le=4)] = 0
    """Beams across the picture."""
    fixture: Fixture = Fixture.NONE
    dirt: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share of a body that is dirty at the first visit; it grows from visit to visit."""
    visit_every_days: Annotated[int, Field(ge=1, le=60)] = 14
    """Days between filmed days: animals grow, floors change."""
    shots: Annotated[tuple[Shot, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = [shot.at for shot in self.shots]
        if any(b <= a for a, b in pairwise(times)):
            raise ValueError("shots: give them in the order of time")
        return self
