"""An alert as a device tells it: what it is about, since when, and on what grounds."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from herdbook.contracts.alerts import RuleKind, Severity, Subject
from herdbook.contracts.camera import Contract
from herdbook.contracts.farmtime import Instant
from herdbook.contracts.identifiers import AnimalId, FileName, Sha256, Slug, TrackletId

MAX_CLIPS = 8
MAX_PAGE = 5000
"""Alerts in one answer."""

AlertId = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9][a-z0-9_.-]*:[0-9a-f]{16}$", max_length=95)]
"""``<device>:<digest>``: the same episode gets the same name, also from a device that lost its notes."""

Change = Annotated[int, Field(ge=0, le=1 << 40)]
"""Counts what a device changed in its alerts."""


class Outcome(StrEnum):
    """How an episode ended."""

    OVER = "over"
    """What was missed came, what was too much went."""
    LOST = "lost"
    """It was no longer observed: nobody knows."""
    WITHDRAWN = "withdrawn"
    """Better records of the same time do not show it."""


class Baseline(Contract):
    """The subject's own past days."""

    median: float
    spread: Annotated[float, Field(ge=0)]
    """1.4826 times the median absolute deviation, or the rule's least spread."""
    days: Annotated[int, Field(ge=1)]


class Evidence(Contract):
    """The numbers on which an alert rests, and where to look."""

    measured: float
    threshold: float
    unit: Literal["s", "1"]
    """Of both: seconds observed without a visit, or a share."""
    observed_s: Annotated[float, Field(ge=0)]
    """Seconds that were observed from its beginning until it was raised; nothing rests on others."""
    baseline: Baseline | None = None
    cameras: Annotated[tuple[Slug, ...], Field(max_length=64)] = ()
    clips: Annotated[tuple[FileName, ...], Field(max_length=MAX_CLIPS)] = ()
    """Footage around the moment it was raised; none where none is kept."""


class Alert(Contract):
    """One episode of one rule about one animal, pen or tracklet."""

    alert_id: AlertId
    device_id: Slug
    rule_id: Slug
    kind: RuleKind
    severity: Severity
    about: Subject
    animal_id: AnimalId | None = None
    """The device's own provisional name; the platform's claims are what counts."""
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    """Of that name: the least over the tracklets that it rests on."""
    tracklet_id: TrackletId | None = None
    pen_id: Slug
    release_id: Slug
    """Whose records it was found in."""
    rules_sha256: Sha256
    began_at: Instant
    raised_at: Instant
    """When the evidence sufficed, by the records' own time."""
    ended_at: Instant | None = None
    """Null while it goes on."""
    outcome: Outcome | None = None
    evidence: Evidence
    change: Annotated[int, Field(ge=1, le=1 << 40, strict=True)]
    """Of the device's alerts, when this one changed last."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.ended_at is None) != (self.outcome is None):
            raise ValueError("an alert that ended has an outcome, and no other")
        if self.raised_at < self.began_at or (self.ended_at is not None and self.ended_at < self.began_at):
            raise ValueError("an alert is raised and ends after it began")
        if (self.animal_id is not None) != (self.about is Subject.ANIMAL):
            raise ValueError("an alert about an animal names it, and no other")
        if (self.tracklet_id is not None) != (self.about is Subject.TRACKLET):
            raise ValueError("an alert about a tracklet names it, and no other")
        return self

    @property
    def subject_id(self) -> str:
        """The animal, tracklet or pen that it is about."""
        return self.animal_id or self.tracklet_id or self.pen_id


class AlertsPage(Contract):
    """``GET /v1/alerts``: alerts that changed, oldest change first."""

    alerts: Annotated[tuple[Alert, ...], Field(max_length=MAX_PAGE)]
    acknowledged: Change
    """Up to which change the platform has them."""
    problem: Annotated[str, Field(max_length=500)] | None = None
    """Why the device cannot evaluate its rules; null where it can."""


class AlertsAcknowledgement(Contract):
    """``POST /v1/alerts/acknowledgement``: the platform has everything up to a change, durably."""

    change: Change
