"""What the ``motion`` engine can be told. Lengths are in body lengths or seconds, so that they fit any camera."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from herdbook.contracts.camera import Contract

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class MotionParameters(Contract):
    """Parameters of ``motion``. None of them was fitted to a dataset; each is a round number with a reason beside it."""

    work_pixels: Annotated[int, Field(ge=64 * 64)] = 240 * 180
    """Frames are shrunk to about this many pixels for subtraction; boxes keep the full frame's coordinates."""
    threshold: Annotated[float, Field(gt=0, lt=255)] | None = None
    """Grey levels by which an animal differs from the background; null estimates it from the picture (Otsu)."""
    min_area: Share | None = None
    """Smallest animal as a share of the picture; null takes a fraction of the median blob seen so far."""
    max_animals: Annotated[int, Field(ge=1, le=1000)] = 100
    """More blobs than this in a frame means that the light changed, not that animals came: the frame is degraded."""
    lost_s: Positive = 2.0
    """How long an unseen animal is waited for before its tracklet ends."""
    confirm_frames: Annotated[int, Field(ge=1)] = 2
    """Detections in a row that make a tracklet."""
    embeddings_per_hour: Positive = 7.0
    """Reference rate per animal; a tracklet shorter than that still gets `embeddings_min`."""
    embeddings_min: Annotated[int, Field(ge=1)] = 2
    """Embeddings that even a short tracklet gets, where it has as many good moments."""
