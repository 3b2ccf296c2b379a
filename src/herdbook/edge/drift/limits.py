"""What reading drift may cost a device."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from herdbook.contracts.camera import Contract


class DriftLimits(Contract):
    """Bounds of one reading. None was fitted: each is a round number with its reason beside it."""

    clips: Annotated[int, Field(ge=1, le=64)] = 12
    """How many clips are read at most: a few cameras at several hours of the day."""
    clip_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    """Of each clip its first seconds, up to the next key frame: long enough for bouts."""
    days: Annotated[int, Field(ge=1)] = 7
    """Clips that are older than this before the newest say nothing of the pen as it is now."""
    wall_s: Annotated[float, Field(gt=0)] = 1800.0
    """After so long no further clip is begun; those that both releases have read are the answer."""
    stall_s: Annotated[float, Field(gt=0)] = 300.0
    """An engine that needs longer for one clip hangs. Time in which others had the processor does not count."""
    memory_mib: Annotated[float, Field(gt=0)] = 4096.0
    """Of the reading process and all that it starts, resident."""
