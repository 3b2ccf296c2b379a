"""Suites: fixed lists of hard farms with their seeds, conditions and split, so that figures stay comparable.

A suite that figures were published on is frozen: a change to it is a new suite with a new name.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import TimezoneName
from herdbook.contracts.identifiers import Slug
from herdbook.errors import ConfigurationError, NotFoundError
from herdbook.simulate.plan import FarmPlan
from herdbook.simulate.stage.plan import MAX_SEVERITY, Condition, Shot, StagePlan


class Split(StrEnum):
    """What a farm is for. No animal, farm, seed or day is in two of them; `SEVERITY` films held-out farms."""

    TRAIN = "train"
    VALIDATION = "validation"
    HELD_OUT = "held-out"
    SECOND_SPECIES = "second-species"
    SEVERITY = "severity"


class SuiteFarm(Contract):
    """One farm: one pen under one camera."""

    farm_id: Slug
    split: Split
    seed: Annotated[int, Field(ge=0)]
    timezone: TimezoneName = "Europe/London"
    start_day: date
    days: Annotated[int, Field(ge=1, le=30)]
    """Visits."""
    animals: Annotated[int, Field(ge=2, le=40)]
    width: int
    height: int
    stage: StagePlan

    def filmed_days(self) -> set[date]:
        """Farm-local days of its visits."""
        return {self.start_day + timedelta(days=n * self.stage.visit_every_days) for n in range(self.days)}


class SeveritySuite(Contract):
    """Scenes of held-out farms, each filmed at every severity of every condition."""

    farms: Annotated[tuple[Slug, ...], Field(min_length=1)]
    shots: Annotated[tuple[time, ...], Field(min_length=1)]
    """Farm-local starts on the farm's first day."""
    clip_seconds: Annotated[int, Field(ge=2, le=120)]


@dataclass(frozen=True)
class SuiteScene:
    """A farm of a suite as it is simulated: its split, its folder below the suite's, and its plan."""

    split: Split
    folder: str
    plan: FarmPlan


class Suite(Contract):
    """The file."""

    format: Annotated[str, Field(pattern="^herdbook-suite/1$")] = "herdbook-suite/1"
    suite_id: Slug
    fps: Annotated[int, Field(ge=1, le=30)]
    clip_seconds: Annotated[int, Field(ge=2, le=120)]
    farms: Annotated[tuple[SuiteFarm, ...], Field(min_length=1)]
    severity: SeveritySuite | None = None

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        for what in ("farm_id", "seed"):
            values = [getattr(farm, what) for farm in self.farms]
            if len(set(values)) != len(values):
                raise ValueError(f"two farms have the same {what}")
        days: dict[Split, set[date]] = defaultdict(set)
        for farm in self.farms:
            if farm.split is Split.SEVERITY:
                raise ValueError(f"{farm.farm_id}: farms of the severity suite are listed under severity")
            days[farm.split] |= farm.filmed_days()
        if sum(map(len, days.values())) != len(set().union(*days.values())):
            raise ValueError("a day is in two splits")
        held_out = {farm.farm_id for farm in self.farms if farm.split is Split.HELD_OUT}
        if self.severity is not None and not set(self.severity.farms) <= held_out:
            raise ValueError("severity.farms: not all of them are held out")
        return self

    def scenes(self, *splits: Split) -> Iterator[SuiteScene]:
        """What is simulated for some splits, or for all."""
        for farm in self.farms:
            if not splits or farm.split in splits:
                yield SuiteScene(farm.split, f"{farm.split}/{farm.farm_id}", self._plan(farm))
        if self.severity is not None and (not splits or Split.SEVERITY in splits):
            yield from self._severities(self.severity)

    def _severities(self, asked: SeveritySuite) -> Iterator[SuiteScene]:
        """Severity 0 is the same for every condition and there once, as ``clear-0``."""
        grades: list[tuple[str, int, dict[str, int]]] = [("clear", 0, {})]
        grades += [(c.value, s, {c.value: s}) for c in Condition for s in range(1, MAX_SEVERITY + 1)]
        for farm in self.farms:
            if farm.farm_id not in asked.farms:
                continue
            for name, severity, condition in grades:
                shots = tuple(Shot(at=at, **condition) for at in asked.shots)
                stage = farm.stage.model_copy(update={"shots": shots})
                filmed = farm.model_copy(update={"stage": stage, "days": 1})
                folder = f"{Split.SEVERITY}/{farm.farm_id}/{name}-{severity}"
                yield SuiteScene(Split.SEVERITY, folder, self._plan(filmed, asked.clip_seconds))

    def _plan(self, farm: SuiteFarm, clip_seconds: int | None = None) -> FarmPlan:
        return FarmPlan(
            seed=farm.seed,
            farm_id=farm.farm_id,
            timezone=farm.timezone,
            start_day=farm.start_day,
            days=farm.days,
            pens=1,
            animals_per_pen=farm.animals,
            width=farm.width,
            height=farm.height,
            fps=self.fps,
            clip_seconds=clip_seconds or self.clip_seconds,
            outages_per_day=0,
            stage=farm.stage,
        )


@dataclass(frozen=True)
class LoadedSuite:
    """A suite and the SHA-256 of its file."""

    suite: Suite
    sha256: str


def load_suite(name: str) -> LoadedSuite:
    """A shipped suite by its name, for example ``hard-1``, or one from a file.

    Raises:
        NotFoundError: there is none.
        ConfigurationError: the file is not a valid suite.
    """
    folder = resources.files("herdbook.simulate") / "suites"
    known = {entry.name.removesuffix(".yaml"): entry for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    try:
        content = known[name].read_bytes() if name in known else Path(name).read_bytes()
    except OSError as error:
        shipped = ", ".join(sorted(known))
        raise NotFoundError(f"there is no suite '{name}'", f"Name a file, or one of: {shipped}.") from error
    try:
        suite = Suite.model_validate(yaml.safe_load(content))
        list(suite.scenes())  # every plan is possible
    except (ValidationError, yaml.YAMLError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise ConfigurationError(f"suite '{name}': {said}") from error
    return LoadedSuite(suite, hashlib.sha256(content).hexdigest())
