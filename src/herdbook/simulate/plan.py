"""What is asked of the simulator. Every figure here is a choice made for this farm, not a finding."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from herdbook.contracts import farmtime
from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import FarmDay, TimezoneName
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import ConfigurationError
from herdbook.simulate.stage.plan import Shot, StagePlan

Share = Annotated[float, Field(ge=0, le=1)]


class LamenessPlan(Contract):
    """How lameness comes and what it does at full severity. Directions follow the literature, sizes are choices.

    Severity rises linearly from 0 at onset to 1 after ``ramp_days``; the farm notices ``delay_days`` after onset.
    """

    animals: Annotated[int, Field(ge=0)] = 0
    """Animals of the farm that go lame, dealt to the pens in turn."""
    delay_days: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (2.5, 5.0)
    """Shortest and longest time from onset until the farm notices, uniform between."""
    ramp_days: Annotated[float, Field(ge=0)] = 1.0
    lying_bout_factor: Annotated[float, Field(ge=1)] = 1.35
    """Mean length of lying and sleeping bouts is multiplied by this."""
    upright_bout_factor: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Mean length of upright bouts is multiplied by this."""
    lie_down_factor: Annotated[float, Field(ge=1)] = 1.5
    """Inclination to lie down instead of doing the next upright thing is multiplied by this."""
    speed_factor: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Walking speed is multiplied by this."""
    eating_factor: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Inclination to eat is multiplied by this."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.delay_days[1] < self.delay_days[0]:
            raise ValueError("delay_days: the longest delay is shorter than the shortest")
        return self


class FarmPlan(Contract):
    """All that `simulate_farm` is told; the same plan gives the same farm, to the pixel."""

    seed: Annotated[int, Field(ge=0)] = 0
    farm_id: Slug = "demo-farm"
    timezone: TimezoneName = "Europe/London"
    start_day: FarmDay = date(2026, 3, 2)
    days: Annotated[int, Field(ge=1, le=3660)] = 3
    barn: Slug = "barn-a"
    """Devices are named ``<barn>-1``, ``<barn>-2``, …"""
    pens: Annotated[int, Field(ge=1, le=500)] = 2
    pens_per_device: Annotated[int, Field(ge=1, le=16)] = 1
    cameras_per_pen: Annotated[int, Field(ge=1, le=2)] = 1
    """Two cameras see overlapping parts of the pen."""
    animals_per_pen: Annotated[int, Field(ge=1, le=40)] = 8
    width: Annotated[int, Field(ge=160, le=3840, multiple_of=2)] = 480
    height: Annotated[int, Field(ge=120, le=2160, multiple_of=2)] = 360
    fps: Annotated[int, Field(ge=1, le=30)] = 4
    clips_per_day: Annotated[int, Field(ge=0, le=1440)] = 12
    clip_seconds: Annotated[int, Field(ge=2, le=3600)] = 30
    first_clip: time = time(7, 30)
    """Farm-local start of the day's first clip; the others follow at even distances."""
    last_clip: time = time(19, 30)
    """Farm-local start of the day's last clip."""
    outages_per_day: Annotated[float, Field(ge=0, le=10)] = 0.3
    """Mean number of outages per camera and day; each cuts into a clip, so that footage shows it."""
    lameness: LamenessPlan = LamenessPlan()
    stage: Annotated[StagePlan | None, Field(exclude_if=lambda value: value is None)] = None
    """A hard scene. Its shots say when clips are taken and its visits which days; one camera films a pen."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.lameness.animals > self.pens * self.animals_per_pen:
            raise ValueError("lameness.animals: more than there are animals")
        if self.stage is not None:
            self._check_stage(self.stage)
        elif self.clips_per_day > 1 and self._clip_distance_s < self.clip_seconds:
            raise ValueError("clips_per_day: the clips of a day would overlap; ask for fewer or shorter ones")
        return self

    def _check_stage(self, stage: StagePlan) -> None:
        if self.cameras_per_pen != 1:
            raise ValueError("cameras_per_pen: a stage has one camera over a pen")
        if self.outages_per_day:
            raise ValueError("outages_per_day: a stage has none")
        starts = [_second(shot.at) for shot in stage.shots]
        if any(b - a < self.clip_seconds for a, b in pairwise(starts)):
            raise ValueError("stage.shots: the clips of a day would overlap; take them further apart")

    @property
    def _clip_distance_s(self) -> float:
        return (_second(self.last_clip) - _second(self.first_clip)) / max(1, self.clips_per_day - 1)

    def simulated_days(self) -> list[date]:
        """The farm-local days, first to last."""
        apart = 1 if self.stage is None else self.stage.visit_every_days
        return [self.start_day + timedelta(days=i * apart) for i in range(self.days)]

    def clip_starts(self, day: date) -> list[datetime]:
        """Planned starts of a day's clips in UTC, on whole seconds, inside the farm-local day."""
        tz = farmtime.zone(self.timezone)
        extent = farmtime.day_extent(day, self.timezone)
        if self.stage is None:
            first = datetime.combine(day, self.first_clip, tz).astimezone(UTC)
            starts = [first + timedelta(seconds=int(i * self._clip_distance_s)) for i in range(self.clips_per_day)]
        else:
            starts = [datetime.combine(day, shot.at, tz).astimezone(UTC) for shot in self.stage.shots]
        return [start for start in starts if start + timedelta(seconds=self.clip_seconds) <= extent.end]

    def shot_at(self, start: datetime) -> Shot:
        """The shot of a stage that a clip is of."""
        at = start.astimezone(farmtime.zone(self.timezone)).time()
        return {shot.at: shot for shot in (self.stage.shots if self.stage else ())}[at]


def _second(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def make_plan(asked: dict[str, Any]) -> FarmPlan:
    """A plan from what a user asked for.

    Raises:
        ConfigurationError: something asked for is not possible; the message names the first.
    """
    try:
        return FarmPlan.model_validate(asked)
    except ValidationError as error:
        raise ConfigurationError(first_problem(error.errors())) from error
