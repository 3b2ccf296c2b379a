"""What alerts need of a day, kept after its records are gone: per subject when it was observed, ate and lay."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, ValidationError

from herdbook.contracts.alerts import Subject
from herdbook.contracts.camera import Contract
from herdbook.contracts.identifiers import AnimalId, FileName, Sha256, Slug, TrackletId
from herdbook.edge.alerts.spans import Spans

_Seconds = Annotated[float, Field(ge=0)]


class Lain(Contract):
    """How long a subject lay, as one release measured it; over all animals where the subject is a pen."""

    lying_s: _Seconds
    judged_s: _Seconds
    """Seconds with any behaviour."""


class SubjectDay(Contract):
    """One animal's, tracklet's or pen's day."""

    about: Subject
    subject_id: AnimalId | TrackletId | Slug
    pen_id: Slug
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    cameras: tuple[Slug, ...]
    seen: Spans
    """When it was observed and its behaviour judged, with the camera fully on."""
    visits: dict[Slug, Spans]
    """By rule, when it was at the feeder."""
    lain: dict[Slug, Lain]
    """By release."""
    span_s: _Seconds = 0.0
    """Seconds that ``seen`` lasts in all."""


class CrowdDay(Contract):
    """One camera's day under one crowding rule: the minutes that were looked at."""

    rule_id: Slug
    camera_id: Slug
    pen_id: Slug
    minutes: tuple[int, ...]
    """Since 1970."""
    shares: tuple[float, ...]
    """Of the visible animals, how many were together."""


class DaySummary(Contract):
    """A day, or as much of it as is settled."""

    day: date
    starts: float
    ends: float
    until: float
    """Up to when anything is known."""
    settled: dict[Slug, float]
    """Of each pen that was looked at: nothing before it will be seen anew, what comes after it is not known yet."""
    final: bool
    release_id: Slug
    rules_sha256: Sha256
    """Of the rules by which visits and crowds were told."""
    subjects: tuple[SubjectDay, ...]
    crowds: tuple[CrowdDay, ...]
    clips: dict[Slug, tuple[tuple[float, FileName], ...]]
    """Of each camera, from when on which clip."""

    def to_bytes(self) -> bytes:
        """As it is kept on the device's disk."""
        return self.model_dump_json().encode()

    def settled_in(self, pen_id: str) -> float:
        """Up to when a pen is known."""
        return self.settled.get(pen_id, self.until if self.final else self.starts)

    def clips_around(self, cameras: tuple[str, ...], moments: tuple[float, ...]) -> tuple[str, ...]:
        """The clips of some cameras that show some moments of the day."""
        found: dict[str, None] = {}
        for moment in moments:
            for camera in cameras:
                begun = [name for since, name in self.clips.get(camera, ()) if since <= moment]
                if begun and self.starts <= moment <= self.until:
                    found[begun[-1]] = None
        return tuple(found)


def read_summary(raw: bytes) -> DaySummary | None:
    """A summary from the device's own disk; none where it cannot be read."""
    try:
        return DaySummary.model_validate_json(raw)
    except ValidationError:
        return None
