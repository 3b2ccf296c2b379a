"""What a network finds in one frame, before anyone says which animal it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Camera
from herdbook.edge.perception.base import Box, Image, Mask, Shape, Vector

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sighting:
    """One animal in one frame; box and shape in pixels of the full frame."""

    score: float
    """0..1."""
    box: Box
    shape: Shape
    mask: Mask = field(compare=False, repr=False)
    """Of the whole frame, on the network's grid of cells; no cell belongs to two sightings."""
    embedding: Vector = field(compare=False, repr=False)
    postures: Floats = field(compare=False, repr=False)
    """Probability of each posture that the network judges."""
    touches: bool = False
    """Whether a cell of another animal is beside one of its own."""


class Finder(Protocol):
    """Finds the animals of a frame, most certain first."""

    postures: tuple[str, ...]
    dimensions: int

    def open(self, camera: Camera) -> None:
        """Begin with a camera."""

    def find(self, image: Image) -> list[Sighting]:
        """The animals of the next frame of the camera."""


def sight(
    mask: Mask, *, score: float, embedding: Vector, postures: Floats, frame: tuple[int, int], touches: bool = False
) -> Sighting:
    """A sighting from its mask on the network's grid, which need not have the frame's proportions.

    Args:
        frame: height and width of the full frame, pixels.
    """
    from herdnet.instances import body

    down, across = frame[0] / mask.shape[0], frame[1] / mask.shape[1]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = Box(
        float(columns[0] * across),
        float(rows[0] * down),
        float((columns[-1] - columns[0] + 1) * across),
        float((rows[-1] - rows[0] + 1) * down),
    )
    found = body(mask)
    length, width, angle = _stretched(found.length, found.width, found.angle, across, down)
    shape = Shape(found.x * across, found.y * down, length, width, angle, found.area * across * down)
    return Sighting(score, box, shape, mask, embedding, postures, touches)


def _stretched(length: float, width: float, angle: float, across: float, down: float) -> tuple[float, float, float]:
    """Axes of an ellipse in a picture that is stretched differently along x and y."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.diag([across, down])
    spread = stretch @ turn @ np.diag([length**2, width**2]) @ turn.T @ stretch
    values, vectors = np.linalg.eigh(spread)
    longer, shorter = np.sqrt(np.maximum(values[::-1], 0.0))
    return float(longer), float(shorter), float(np.arctan2(vectors[1, 1], vectors[0, 1]))


def touching(masks: Sequence[Mask] | NDArray[np.bool_]) -> list[bool]:
    """Of masks [N, h, w] without overlap: whether a cell beside an animal's own is another's."""
    if not len(masks):
        return []
    stack = np.asarray(masks)
    count = stack.sum(0, dtype=np.int16)
    grown = stack.copy()
    grown[:, 1:] |= stack[:, :-1]
    grown[:, :-1] |= stack[:, 1:]
    grown[:, :, 1:] |= stack[:, :, :-1]
    grown[:, :, :-1] |= stack[:, :, 1:]
    return [bool(((count - own) > 0)[more].any()) for own, more in zip(stack, grown, strict=True)]
