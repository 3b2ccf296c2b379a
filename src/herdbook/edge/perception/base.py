"""The one interface of every perception engine: open, frames in, instances out, embedding and behaviour, close."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Camera
from herdbook.contracts.device_day import ReleaseUse

MIN_TRACKLET_S = 1.0
"""What is seen for less is taken for noise and dropped, boxes too."""

Image = NDArray[np.uint8]
"""Height x width x 3, BGR, 0..255."""
Mask = NDArray[np.bool_]
"""Height x width of a box, true where the animal is."""
Vector = NDArray[np.float32]
"""An embedding before quantisation: ``release.dimensions`` values, L2 norm 1."""
_BLANK = 12  # grey levels


class Box(NamedTuple):
    """Top-left corner and size, pixels of the full frame."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Shape:
    """Where an animal's body lies: centroid, main axis and area, in pixels of the full frame; angle in radians."""

    x: float
    y: float
    length: float
    width: float
    angle: float
    area: float

    @property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Both ends of the main axis; which of them is the head is not known."""
        dx, dy = np.cos(self.angle) * self.length / 2, np.sin(self.angle) * self.length / 2
        return (self.x - dx, self.y - dy), (self.x + dx, self.y + dy)


@dataclass(frozen=True)
class Instance:
    """One animal in one frame."""

    track: int
    """The engine's number of the animal, from 1, never given again while the camera is open."""
    box: Box
    shape: Shape
    confidence: float
    """0..1."""
    quality: float
    """How good a moment this is for an embedding, 0..1."""
    mask: Mask | None = field(default=None, compare=False, repr=False)
    key: int = 0
    """For the engine's own use within the frame."""


@dataclass(frozen=True)
class Seen:
    """What a frame showed. ``trouble`` says why it could not be used, for people."""

    instances: tuple[Instance, ...] = ()
    trouble: str | None = None


@dataclass(frozen=True)
class Track:
    """The path of one finished tracklet in steps of `step_s` seconds, for behaviour judged with hindsight.

    All arrays have one row per step in which the animal was detected, in the order of time.
    """

    step_s: float
    seconds: NDArray[np.float64]
    """Start of each step, seconds since the first."""
    centre: NDArray[np.float64]
    """N x 2, pixels."""
    ends: NDArray[np.float64]
    """N x 2 x 2, both ends of the body, pixels."""
    length: NDArray[np.float64]
    """Body length, pixels."""
    started_at: datetime
    track: int = 0
    """The engine's own number of it: `Instance.track`."""


@dataclass(frozen=True)
class Judgement:
    """Behaviour of a `Track`: probabilities per step and behaviour, rows summing to 1, and where the animal is."""

    behaviours: tuple[str, ...]
    probability: NDArray[np.float64]
    zone: tuple[str | None, ...]
    bonus: NDArray[np.float64] | None = None
    """Added to each behaviour's log-probability where the likeliest is chosen, so that rare ones are reported; the
    probability that is told stays what it is."""


def is_blank(picture: Image) -> bool:
    """Black, or a covered lens: hardly any pixel differs from any other."""
    low, high = np.percentile(picture[::7, ::7, 1], (0.5, 99.5))
    return bool(high - low < _BLANK)


class Perception(Protocol):
    """An engine. One object looks at one camera at a time; the same frames always give the same answers."""

    release: ReleaseUse
    lost_s: float
    """How long an unseen animal is waited for: a longer gap ends its tracklet."""
    min_bout_s: float
    """Shorter bouts are absorbed by their neighbours."""

    def open(self, camera: Camera, background: Image | None, samples: Callable[[], Iterable[Image]]) -> None:
        """Begin with a camera.

        Args:
            camera: zones and calibration.
            background: a picture of the empty pen, if there is one.
            samples: frames spread over what will be seen, read only by engines that need to look ahead.
        """

    def see(self, at: datetime, image: Image) -> Seen:
        """Look at the next frame. Instants increase; a gap longer than the engine waits for ends every track."""

    def embed(self, instance: Instance) -> Vector:
        """The embedding of an instance of the frame seen last."""

    def judge(self, track: Track) -> Judgement:
        """What a finished track's animal did."""

    def close(self) -> None:
        """End with the camera."""
