"""What a study is: a strict YAML file, or the same in Python. Days are farm-local, shares are 0..1.

Nothing in here is SQL: a definition chooses among what was thought through once, so that it can be read, checked
(`herdbook.studies.assurance`) and run again.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import FarmDay
from herdbook.contracts.identifiers import Slug
from herdbook.errors import LeakageError
from herdbook.studies.assurance_rows import Assurance
from herdbook.studies.criteria import Days, Outcome, Text
from herdbook.studies.designs import CaseControl, Cohort, Crossover, Design
from herdbook.studies.label_error import LabelError
from herdbook.studies.measures import require_measure
from herdbook.studies.training import TrainedOn

Share = Annotated[float, Field(ge=0, le=1)]
Trait = Literal["age_days", "days_on_farm", "sex"]
MeasureName = Annotated[str, AfterValidator(require_measure)]


class Population(Contract):
    """Whose time is looked at, and when. An animal enters with its first stay in one of the pens, or on the first day
    of the study (left truncation); it leaves with its stay, a label of ``leave_on``, or the last day (censoring)."""

    since: FarmDay
    until: FarmDay
    """The last day, included."""
    farms: tuple[Slug, ...] | None = None
    pens: tuple[Slug, ...] | None = None
    species: Slug | None = None
    sexes: tuple[Text, ...] | None = None
    age_days: tuple[Days, Days] | None = None
    """Youngest and oldest on the index day."""
    leave_on: tuple[Slug, ...] = ("death", "departure")
    """Kinds of labels that end an animal's time."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.until < self.since:
            raise ValueError("until: the study ends before it begins")
        if self.age_days and self.age_days[1] < self.age_days[0]:
            raise ValueError("age_days: the oldest are younger than the youngest")
        return self


class Index(Contract):
    """The day that windows are counted from, between the last day known sound and the first day seen ill."""

    at: Literal["first-seen", "midpoint", "last-sound"] = "first-seen"
    longest_interval_days: Days | None = None
    """Episodes whose onset is known less closely are no cases."""


class Exposed(Contract):
    """One exposure."""

    measure: MeasureName
    per: Annotated[float, Field(gt=0)] = 1.0
    """Difference that a ratio is per, in the measure's unit."""


class Exposure(Contract):
    """What is compared, over which window: the ``window_days`` that end ``lag_days`` before the index day."""

    primary: Exposed
    """The one that the study was made for."""
    others: tuple[Exposed, ...] = ()
    """Looked at besides; their p-values pay for being many."""
    window_days: Annotated[int, Field(ge=1, le=365, strict=True)] = 7
    lag_days: Annotated[int, Field(ge=0, le=365, strict=True)] = 1
    minimum_days: Annotated[int, Field(ge=1, le=365, strict=True)] = 4
    """Days of the window that must count."""
    minimum_hours: Annotated[float, Field(ge=0, le=24)] = 6.0
    """Observed hours without which a day does not count."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.lag_days < 1:
            raise LeakageError(
                f"exposure.lag_days: without a lag '{self.primary.measure}' would read the index day itself",
                "Use a lag of at least 1 day; more where the illness changes behaviour before it is seen.",
            )
        if self.minimum_days > self.window_days:
            raise ValueError("minimum_days: more than the window has")
        if len(set(self.measures)) < len(self.measures):
            raise ValueError("others: an exposure is named twice")
        return self

    @property
    def all(self) -> tuple[Exposed, ...]:
        """The primary exposure, then the others."""
        return (self.primary, *self.others)

    @property
    def measures(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(e.measure for e in self.all)


class Identity(Contract):
    """What is asked of the claims that a day is an animal's."""

    minimum_confidence: Share = 0.6
    """Days with a lower mean confidence do not count."""
    weigh: Literal["nothing", "days", "rows"] = "nothing"
    """By their confidence: days within a window, or rows in the estimate."""


class Errors(Contract):
    """How intervals are made."""

    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    cluster: Literal["animal", "pen", "farm"] | None = None
    """Whose rows are not independent; none: the sets are, and of a crossover the animals."""
    few_clusters: bool = True
    """Student's t and G / (G - 1) for G clusters."""
    multiplicity: Literal["holm", "benjamini-hochberg"] = "holm"


class Study(Contract):
    """A study's definition."""

    study: Slug
    question: Text | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)] = 0
    snapshot: Annotated[int, Field(ge=0, strict=True)] | Text | None = None
    """The lake's snapshot: its number, or the name under which it is pinned; the latest if omitted."""
    population: Population
    outcome: Outcome
    index: Index = Index()
    exposure: Exposure
    adjust_for: tuple[Trait, ...] = ()
    """What is known of an animal on the index day, beside each exposure."""
    design: Design = CaseControl()
    identity: Identity = Identity()
    model_change: Literal["refuse", "stratify", "bridge"] = "refuse"
    """What different releases measured: not compared, compared within a release, or corrected by bridge runs."""
    errors: Errors = Errors()
    trained_on: tuple[TrainedOn, ...] = ()
    """What releases were trained on: a case that one of them learnt from refuses the study."""
    label_error: LabelError | None = None
    """How far labels can be trusted; none, and no sensitivity to them is reported."""
    assurance: tuple[Assurance, ...] = ()

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        """What the design asks of the rest."""
        design = self.design
        if isinstance(design, Crossover):
            if self.adjust_for:
                raise ValueError(
                    "adjust_for: an animal is its own control; what stays the same cancels, and age is time"
                )
            if design.apart_days < self.exposure.window_days:
                raise ValueError("design.apart_days: windows would overlap; make them window_days apart at least")
        if isinstance(design, Cohort):
            stays = sorted({c.kind for c in design.competing} - set(self.population.leave_on))
            if stays:
                raise ValueError(f"design.competing: {', '.join(stays)} does not end an animal's time; see leave_on")
            if self.outcome.which == "every" and design.exposed == "at-entry":
                raise ValueError(
                    "outcome.which: with exposures at entry animals are followed to their first case: first"
                )
            if self.outcome.which == "every" and self.errors.cluster is None:
                raise ValueError("errors.cluster: an animal may be a case more than once; name animal, pen or farm")
        return self
