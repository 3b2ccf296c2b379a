"""Names that a simulated herd gives: the same for the same plan, and none tells what is true."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Camera
from herdbook.contracts.device_day import ReleaseUse
from herdbook.simulate.herd.cameras import day_starts
from herdbook.simulate.herd.plan import HerdPlan
from herdbook.simulate.herd.species import SPECIES

ENGINE = "simulated"
FPS = 6


@dataclass(frozen=True)
class Names:
    """The names of one plan's farm."""

    plan: HerdPlan

    @cached_property
    def digest(self) -> str:
        """What tells this plan's records from any other's."""
        return hashlib.sha256(self.plan.model_dump_json().encode()).hexdigest()

    def day(self, day: int) -> str:
        """``YYYY-MM-DD``."""
        return str(self.plan.start_day + timedelta(days=day))

    def device(self, device: int) -> str:
        """A device's id."""
        return self.plan.device_ids[device]

    def pen(self, device: int, pen: int) -> str:
        """A pen's id, by its number on its device."""
        return f"{self.device(device)}-p{pen + 1:02d}"

    def camera(self, device: int, pen: int) -> str:
        """The id of the camera over a pen."""
        return f"{self.device(device)}-c{pen + 1:02d}"

    def animal(self, device: int, animal: int) -> str:
        """An animal's id."""
        return f"{self.device(device)}-a{animal + 1:05d}"

    def load(self, device: int, day: int) -> str:
        """The load of a device day: named like the nightly load's, by content instead of by chance."""
        mark = hashlib.sha256(f"{self.digest}/{device}/{day}".encode()).hexdigest()[:12]
        return f"{self.day(day)}:{self.device(device)}:r1:{mark}"

    @cached_property
    def spaces(self) -> tuple[str, ...]:
        """The embedding space of each release."""
        numbers = np.cumsum([k == 0 or r.new_space for k, r in enumerate(self.plan.releases)])
        return tuple(f"{self.plan.farm_id}-look-{n}" for n in numbers)

    @cached_property
    def releases(self) -> tuple[ReleaseUse, ...]:
        """The plan's releases as device days name them."""
        return tuple(
            ReleaseUse(
                release_id=release.release_id,
                engine=ENGINE,
                space_id=space,
                dimensions=self.plan.detail.dimensions,
                ethogram_id=SPECIES[self.plan.species].ethogram_id,
            )
            for release, space in zip(self.plan.releases, self.spaces, strict=True)
        )

    def camera_setup(self, device: int, pen: int) -> Camera:
        """The camera as its device describes it."""
        return Camera(
            camera_id=self.camera(device, pen), pen_id=self.pen(device, pen), width=1280, height=720, fps=float(FPS)
        )


def midnights(plan: HerdPlan, first: int, stop: int) -> NDArray[np.int64]:
    """Local midnights of days ``first`` to ``stop - 1`` of the herd, in microseconds of UTC since 1970."""
    return day_starts(plan.start_day + timedelta(days=first), stop - first, plan.timezone)[:-1] * 1_000_000
