"""``farm.yaml``: the farm as it was drawn from a plan, with everything that is true of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import yaml
from pydantic import AwareDatetime, Field, ValidationError

from herdbook.contracts.camera import Contract
from herdbook.contracts.durable import write_durably
from herdbook.contracts.identifiers import AnimalId, Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import ConfigurationError, NotFoundError
from herdbook.simulate.bodies import Body, Floats
from herdbook.simulate.coats import Coat
from herdbook.simulate.layout import Layout
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.stage.growth import grown
from herdbook.simulate.stage.hides import Hide

DAY_S = 86400.0


class LamenessCourse(Contract):
    """The truth of one animal's lameness, which the farm's records show late and in part."""

    onset_at: AwareDatetime
    noticed_at: AwareDatetime
    leg: Literal["fore left", "fore right", "hind left", "hind right"]
    score: Annotated[int, Field(ge=1, le=5)]
    """Locomotion score 1-5 when noticed."""
    diagnosis: str


class Habits(Contract):
    """Factors around 1 on appetite, liveliness and walking speed."""

    appetite: float = 1.0
    liveliness: float = 1.0
    pace: float = 1.0


class Animal(Contract):
    """One animal, its body in metres and kilograms."""

    animal_id: AnimalId
    ear_tag: str
    transponder: str
    pen_id: Slug
    sex: Literal["female", "castrated"]
    born_on: date
    length_m: Annotated[float, Field(gt=0)]
    width_m: Annotated[float, Field(gt=0)]
    weight_kg: Annotated[float, Field(gt=0)]
    coat: Hide | Coat
    habits: Habits
    lameness: LamenessCourse | None = None

    @property
    def body(self) -> Body:
        """The body's extent."""
        return Body(self.length_m, self.width_m)

    def severity(self, moment: float, ramp_days: float) -> float:
        """How lame the animal is at a POSIX time, 0..1."""
        if self.lameness is None:
            return 0.0
        since = (moment - self.lameness.onset_at.timestamp()) / DAY_S
        if since < 0:
            return 0.0
        return 1.0 if ramp_days == 0 else min(1.0, since / ramp_days)


class Pen(Contract):
    """A pen and the device that watches it."""

    pen_id: Slug
    device_id: Slug
    layout: Layout


class SimulatedCamera(Contract):
    """An overhead camera. Without a stage it has no perspective: its homography is affine and exact. On a stage the
    homography is the best that a plane can do for its lens, and what follows here does not hold."""

    camera_id: Slug
    pen_id: Slug
    device_id: Slug
    homography: Annotated[tuple[float, ...], Field(min_length=9, max_length=9)]
    """Row-major 3x3, pixels to metres on the pen floor."""

    @property
    def to_metres(self) -> Floats:
        """``[3, 3]``."""
        return np.array(self.homography).reshape(3, 3)

    @property
    def to_pixels(self) -> Floats:
        """``[3, 3]``, the inverse."""
        return np.asarray(np.linalg.inv(self.to_metres))

    @property
    def pixels_per_metre(self) -> float:
        """Scale, the same everywhere and in every direction."""
        return float(np.sqrt(abs(np.linalg.det(self.to_pixels[:2, :2]))))

    @property
    def rotation(self) -> float:
        """Angle by which the picture is turned against the pen, radians."""
        across = self.to_pixels
        return float(np.arctan2(across[1, 0], across[0, 0]))

    def pixels(self, points: Floats) -> Floats:
        """Floor points ``[..., 2]`` in metres as pixels."""
        across = self.to_pixels
        return np.asarray(points @ across[:2, :2].T + across[:2, 2])


class Farm(Contract):
    """All that was chosen."""

    format: Literal["herdbook-simulated-farm/1"] = "herdbook-simulated-farm/1"
    plan: FarmPlan
    devices: tuple[Slug, ...]
    pens: tuple[Pen, ...]
    cameras: tuple[SimulatedCamera, ...]
    animals: tuple[Animal, ...]

    def pens_of(self, device_id: str) -> tuple[Pen, ...]:
        """Pens that a device watches."""
        return tuple(p for p in self.pens if p.device_id == device_id)

    def cameras_of(self, pen_id: str) -> tuple[SimulatedCamera, ...]:
        """Cameras over a pen."""
        return tuple(c for c in self.cameras if c.pen_id == pen_id)

    def animals_of(self, pen_id: str) -> tuple[Animal, ...]:
        """Animals of a pen, in the order in which truth files number them from 1."""
        return tuple(a for a in self.animals if a.pen_id == pen_id)

    def animals_on(self, pen_id: str, day: date) -> tuple[Animal, ...]:
        """`animals_of` a pen as they are on a day: on a stage they have grown."""
        stage, since = self.plan.stage, self.plan.start_day
        animals = self.animals_of(pen_id)
        return animals if stage is None else tuple(grown(a, stage, since, day) for a in animals)


def write_farm(path: Path, farm: Farm) -> None:
    """Write ``farm.yaml``."""
    document = yaml.safe_dump(farm.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)
    write_durably(path, document.encode())


def read_farm(path: Path) -> Farm:
    """Read ``farm.yaml``.

    Raises:
        NotFoundError: there is none.
        ConfigurationError: it is not one that this version wrote.
    """
    try:
        return Farm.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no {path}", "Make a farm with `herdbook simulate farm`.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{path}, {first_problem(error.errors())}") from error
