"""What is asked of a simulated herd. Figures are choices unless a source is named; the same plan gives the same herd.

Shares are of observed time, 0..1; days are farm-local; rates are per animal and year of 365.25 days.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import LATEST, FarmDay, TimezoneName
from herdbook.contracts.identifiers import Slug
from herdbook.contracts.validation import first_problem
from herdbook.errors import ConfigurationError

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, le=50)]
DAYS_PER_YEAR = 365.25


class BehaviourPlan(Contract):
    """The share of a day spent lying, as the first release measures it: mean, and how it varies."""

    lying_share: Annotated[float, Field(ge=0.3, le=0.95)] | None = None
    """Mean over animals; the species' own when omitted (`species.SPECIES`)."""
    pen_sd: Annotated[float, Field(ge=0, le=0.1)] = 0.015
    animal_sd: Annotated[float, Field(ge=0, le=0.1)] = 0.035
    day_sd: Annotated[float, Field(ge=0, le=0.1)] = 0.03
    """Of an animal's days around its own mean."""
    persistence: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Correlation of neighbouring days' deviations (first-order autoregression)."""
    rhythm: Annotated[float, Field(ge=0, le=0.3)] = 0.14
    """Half the distance between the least and the most lying hour, as a share."""


class HazardTruth(Contract):
    """Truth (a): the hazard of falling ill is log-linear in the mean lying share of a window of days before.

    ``rate(t) = rate_per_year * course(t) * exp(log_hazard_ratio * (window mean - mean) / unit)``, where the window is
    the ``window_days`` days that end ``lag_days`` before the day. On an animal's first days it is what there is.
    """

    kind: Literal["hazard"] = "hazard"
    log_hazard_ratio: Annotated[float, Field(ge=-5, le=5)] = 0.4
    unit: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Difference of lying share that the log hazard ratio is per."""
    window_days: Annotated[int, Field(ge=1, le=90)] = 7
    lag_days: Annotated[int, Field(ge=1, le=90)] = 1


class OnsetTruth(Contract):
    """Truth (b): illness begins unseen and shifts the lying share from then on; it is seen ``latency_days`` later.

    The shift grows linearly over ``ramp_days`` and ends with the illness. With no ramp and a shortest latency of at
    least a study's window and lag, the window before the index day is shifted by exactly ``shift``.
    """

    kind: Literal["onset"] = "onset"
    shift: Annotated[float, Field(ge=-0.3, le=0.3)] = 0.05
    latency_days: tuple[Annotated[int, Field(ge=0, le=365)], Annotated[int, Field(ge=0, le=365)]] = (10, 18)
    """Shortest and longest, uniform between."""
    ramp_days: Annotated[int, Field(ge=0, le=90)] = 0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.latency_days[1] < self.latency_days[0]:
            raise ValueError("latency_days: the longest is shorter than the shortest")
        return self


class IllnessPlan(Contract):
    """How often animals fall ill, for how long, and how the rate goes with the calendar."""

    rate_per_year: Rate = 0.4
    illness_days: Annotated[int, Field(ge=1, le=365)] = 21
    """From the index day until the animal is sound and at risk again."""
    trend: Annotated[float, Field(ge=-3, le=3)] = 0.0
    """Change of the log rate per year: what makes a naive analysis take a model update for an effect."""
    season: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Amplitude of the log rate over the year, greatest on 1 January."""
    pen_sd: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Standard deviation of the pens' log rates."""


class CullingPlan(Contract):
    """Culling and death, which compete with falling ill."""

    rate_per_year: Rate = 0.15
    ratio_when_ill: Annotated[float, Field(ge=0, le=50)] = 4.0
    death_share: Share = 0.25
    """Of those, how many die on the farm; the others are sold for slaughter early."""


class StayPlan(Contract):
    """When animals come and go. Those there on the first day came before: they are left-truncated."""

    stay_days: tuple[Annotated[int, Field(ge=14, le=5000)], Annotated[int, Field(ge=14, le=5000)]] = (150, 450)
    vacancy_days: Annotated[int, Field(ge=0, le=365)] = 10
    """A place stays empty so long before the next animal."""
    move_share: Share = 0.2
    """Animals that change the pen once."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.stay_days[1] < self.stay_days[0]:
            raise ValueError("stay_days: the longest stay is shorter than the shortest")
        return self


class CoveragePlan(Contract):
    """How cameras fail, and how much of an animal's time on camera is followed and recognised."""

    days_off: Share = 0.01
    """Share of camera-days in failures of whole days."""
    days_off_length: Annotated[float, Field(ge=1, le=60)] = 2.0
    """Mean length of such a failure, days."""
    hours_off: Share = 0.04
    """Share of camera-days with a failure of hours."""
    hours_off_length: Annotated[float, Field(gt=0, le=24)] = 3.0
    """Mean length of such a failure, hours."""
    followed: tuple[Share, Share] = (0.85, 0.98)
    """Least and most share of the time on camera in which an animal is followed and recognised, uniform between."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.followed[1] < self.followed[0]:
            raise ValueError("followed: the most is less than the least")
        if 0 < self.days_off == 1:
            raise ValueError("days_off: cameras that are always off see nothing")
        return self


class IdentityPlan(Contract):
    """Confusion of look-alikes. Animals of a pen come in fixed pairs that are taken for each other for whole days."""

    switches: Annotated[float, Field(ge=0, le=0.3)] = 0.02
    """Share of exchanged days among those on which both of a pair are there, in one pen: with the default moves and
    vacancies about four fifths of all animal-days. Confidence is calibrated: a share of 1 - confidence is wrong.
    """
    unknown: Share = 0.5
    """Share of the time not recognised that is a tracklet without a name; the rest is not seen at all."""
    likeness: Annotated[float, Field(ge=0, lt=1)] = 0.7
    """Cosine between the looks of a pair."""


class ReleasePlan(Contract):
    """A model release: from when it runs, and by how much it measures lying differently, without any real change."""

    release_id: Slug
    from_day: Annotated[int, Field(ge=0, le=36_600)]
    """Days after the herd's first day."""
    shift: Annotated[float, Field(ge=-0.3, le=0.3)] = 0.0
    """Added to every measured lying share."""
    new_space: bool = False
    """Whether it has an embedding space of its own."""


class LabelPlan(Contract):
    """What the farm writes down. The index day is when illness can be seen; the farm sees it later, or not at all."""

    sensitivity: Share = 0.9
    """Of illnesses, how many the farm ever diagnoses."""
    false_per_year: Rate = 0.02
    """Diagnoses of sound animals."""
    notice_days: Annotated[float, Field(ge=0, le=60)] = 1.0
    """Mean days from the index day to the diagnosis, exponential, cut to whole days."""
    record_days: Annotated[float, Field(ge=0, le=60)] = 1.0
    """Mean days until it is written down."""
    receive_days: Annotated[float, Field(ge=0, le=365)] = 3.0
    """Mean further days until it reaches the platform."""
    observers: Annotated[int, Field(ge=1, le=26)] = 3
    scoring_days: Annotated[int, Field(ge=0, le=365)] = 28
    """The whole herd is scored for lameness so often; 0: never."""
    double_scored: Share = 0.05
    """Of those scores, how many a second observer gives too, on the same day."""
    observer_sd: Annotated[float, Field(ge=0, le=2)] = 0.25
    """Of observers' biases, in points of the locomotion scale."""
    score_sd: Annotated[float, Field(ge=0, le=2)] = 0.45
    """Of an observer's error from score to score."""


class DetailPlan(Contract):
    """How finely the bout level is written."""

    tracklets_per_day: Annotated[int, Field(ge=1, le=200)] = 8
    posture_cycles: Annotated[float, Field(ge=1, le=200)] = 11.5
    """Mean number of times an animal gets up a day."""
    activity: bool = False
    """Whether hourly movement and body size are written: half as many rows again as bouts."""
    embeddings_per_hour: Annotated[float, Field(ge=0, le=60)] = 0.0
    """Looks kept per animal and hour; the reference rate is 7, and 0 keeps none."""
    dimensions: Annotated[int, Field(ge=8, le=2048)] = 384
    ageing_per_year: Annotated[float, Field(ge=0, le=3)] = 0.6
    """Radians by which an animal's look turns away from its first in a year."""
    look_noise: Annotated[float, Field(ge=0, le=3)] = 0.35
    """Length of a look's noise against the look's own."""
    chunk_days: Annotated[int, Field(ge=1, le=366)] = 28
    """Days of one device that are made, written and loaded together: what bounds memory."""


class LookPlan(Contract):
    """What makes an animal look unlike itself besides age and noise. By default nothing: looks are then easy.

    Posture, dirt and light move looks within few dimensions that all animals share, as real embeddings are moved.
    Lengths are against the look's own, which is 1.
    """

    posture: Annotated[float, Field(ge=0, le=5)] = 0.0
    """Length of what moves a whole tracklet's looks."""
    dirt: Annotated[float, Field(ge=0, le=5)] = 0.0
    """Length of what moves an animal's looks while it is dirty."""
    dirty: Share = 0.25
    """Share of the time in which it is."""
    dirt_days: Annotated[int, Field(ge=1, le=60)] = 4
    """How long it stays as dirty, or as clean."""
    night: Annotated[float, Field(ge=0, le=5)] = 0.0
    """Length of what moves looks from 20:00 to 06:00: half of it the same for all, half each animal's own."""
    nuisance_dimensions: Annotated[int, Field(ge=1, le=512)] = 24
    """In how many dimensions posture and dirt move looks."""


class HerdPlan(Contract):
    """All that `simulate_herd` and `herd_days` are told."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    farm_id: Slug = "herd-farm"
    timezone: TimezoneName = "Europe/London"
    start_day: FarmDay = date(2023, 1, 2)
    days: Annotated[int, Field(ge=1, le=7320)] = 365
    species: Literal["pig", "calf"] = "pig"
    devices: Annotated[int, Field(ge=1, le=2000)] = 5
    pens_per_device: Annotated[int, Field(ge=1, le=64)] = 10
    animals_per_pen: Annotated[int, Field(ge=1, le=200)] = 20
    behaviour: BehaviourPlan = BehaviourPlan()
    truth: Annotated[HazardTruth | OnsetTruth, Field(discriminator="kind")] = HazardTruth()
    illness: IllnessPlan = IllnessPlan()
    culling: CullingPlan = CullingPlan()
    stays: StayPlan = StayPlan()
    coverage: CoveragePlan = CoveragePlan()
    identity: IdentityPlan = IdentityPlan()
    releases: Annotated[tuple[ReleasePlan, ...], Field(min_length=1, max_length=64)] = (
        ReleasePlan(release_id="herd-1", from_day=0),
    )
    labels: LabelPlan = LabelPlan()
    detail: DetailPlan = DetailPlan()
    looks: LookPlan = LookPlan()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        starts = [r.from_day for r in self.releases]
        if starts[0] != 0 or any(b <= a for a, b in pairwise(starts)):
            raise ValueError("releases: the first runs from day 0, each later one from a later day")
        if len({r.release_id for r in self.releases}) != len(starts):
            raise ValueError("releases: two have the same release_id")
        truth = self.truth
        if isinstance(truth, HazardTruth) and self.stays.vacancy_days < truth.window_days + truth.lag_days:
            raise ValueError("stays.vacancy_days: shorter than truth.window_days + lag_days, which see one animal only")
        if self.start_day > LATEST - timedelta(days=self.days):
            raise ValueError("days: the herd would outlive the calendar")
        return self

    @property
    def places(self) -> int:
        """Places for animals on one device's pens."""
        return self.pens_per_device * self.animals_per_pen

    @property
    def device_ids(self) -> tuple[str, ...]:
        """``<farm>-d001`` and so on."""
        return tuple(f"{self.farm_id}-d{d + 1:03d}" for d in range(self.devices))


def make_herd_plan(asked: dict[str, Any]) -> HerdPlan:
    """A plan from what a user asked for.

    Raises:
        ConfigurationError: something asked for is not possible; the message names the first.
    """
    try:
        return HerdPlan.model_validate(asked)
    except ValidationError as error:
        raise ConfigurationError(first_problem(error.errors())) from error
