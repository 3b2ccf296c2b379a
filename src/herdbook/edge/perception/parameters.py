"""What the ``motion`` engine can be told. Lengths are in body lengths, so that they fit any camera and species."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from herdbook.contracts.camera import Contract

Positive = Annotated[float, Field(gt=0)]


class MotionParameters(Contract):
    """Parameters of ``motion``. None was fitted to a dataset: each is a round number with its reason beside it."""

    work_pixels: Annotated[int, Field(ge=64 * 64)] = 512 * 512
    """Larger frames are shrunk to about this many pixels; boxes keep the full frame's coordinates."""
    threshold: Annotated[float, Field(gt=0, lt=255)] | None = None
    """Grey levels by which an animal differs from the floor; null takes 15 plus four times the picture's noise."""
    min_area: Annotated[float, Field(gt=0, lt=1)] = 0.0005
    """Smallest animal as a share of the picture."""
    max_area: Annotated[float, Field(gt=0, le=1)] = 0.5
    """More of the picture than this changes at once only when the light or the camera does: the frame is degraded."""
    adapt_s: Positive = 600.0
    """Time in which the floor's picture follows slow changes, where no animal is."""
    furniture_s: Positive = 10_800.0
    """What has not changed by a pixel for this long, in seconds of footage, is no animal."""
    lost_s: Positive = 2.0
    """How long an unseen animal is waited for before its tracklet ends."""
    confirm_frames: Annotated[int, Field(ge=1)] = 1
    """Detections in a row that make a track; what lasts under a second is dropped anyway (`tracklets`)."""
    walk_body_lengths_s: Positive = 0.25
    """Speed from which an animal walks, in body lengths per second."""
    still_body_lengths: Positive = 0.15
    """An animal that stays within this radius is still."""
    pause_s: Positive = 15.0
    """Mean time for which an animal stands still."""
    lying_s: Positive = 1200.0
    """Mean time for which it lies."""
    pauses_per_lying: Positive = 20.0
    """How many times it stands still for each time it lies down."""
    stirring_s: Positive = 60.0
    """Mean time between movements of an animal that lies awake."""
    sleeping_s: Positive = 600.0
    """Mean time without movement of one that sleeps."""
    stirrings_per_sleep: Positive = 20.0
    """How many motionless times of lying awake there are for each sleep."""
    min_bout_s: Positive = 2.0
    """Shorter bouts are absorbed by their neighbours."""


class LearnedParameters(Contract):
    """Parameters of the engines that load a release folder (``network`` in device.yaml)."""

    threads: Annotated[int, Field(ge=1, le=256)] = 2
    """That a network may use. The same number gives the same results."""
    lost_s: Positive = 10.0
    """How long an unseen animal is waited for before its tracklet ends."""
    min_bout_s: Positive = 2.0
    """Shorter bouts are absorbed by their neighbours."""


class CompactParameters(LearnedParameters):
    """Parameters of ``compact``."""


class Sam3Parameters(LearnedParameters):
    """Parameters of ``sam3``. ``threads`` are the behaviour head's; torch takes those of the process."""

    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:[0-9]+)?)$")] = "cpu"
    points_per_side: Annotated[int, Field(ge=2, le=64)] = 16
    """Of the grid that asks the whole picture for animals; finer than half a body finds them all."""
    key_frames: Annotated[int, Field(ge=1)] = 10
    """Every so many frames the whole picture is asked; between them only where animals were."""
