"""From where on sides disagree, and how much of a day the teacher reads (docs/adr/0130, 0131)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from herdbook.contracts.camera import Contract

Share = Annotated[float, Field(ge=0, le=1)]


class ReviewPlan(Contract):
    """Figures of the review queue and of the nightly re-reading."""

    iou_gap: Share = 0.15
    """Outlines of an animal whose IoU falls short of 1 by more than this disagree."""
    margin: Annotated[float, Field(ge=0, le=2)] = 0.1
    """An embedding disagrees with its track if its cosine to another animal exceeds that to its own by more."""
    sure: Share = 0.5
    """The device is unsure of a frame if its detections' mean score lies below."""
    odd: Annotated[int, Field(ge=1)] = 2
    """Or if it found so many animals fewer or more than it usually does in that clip."""
    frames: Annotated[int, Field(ge=0)] = 200
    """Unsure frames of a device day that the teacher reads at most, those in most doubt first."""
    apart_s: Annotated[float, Field(ge=0)] = 1.0
    """Read frames of a clip lie at least so far apart: neighbours say the same."""
    every_s: Annotated[float, Field(gt=0)] | None = 60.0
    """Read a frame this often beside them, however sure the device was; none where null."""
