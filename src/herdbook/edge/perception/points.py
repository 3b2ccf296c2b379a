"""Animals found by asking a segmenter at points: everywhere in key frames, between them where animals were."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Camera
from herdbook.edge.perception.base import Image, Mask, Vector
from herdbook.edge.perception.network import NetworkFile
from herdbook.edge.perception.parameters import Sam3Parameters
from herdbook.edge.perception.sighting import Sighting, sight, touching

Floats = NDArray[np.float32]
AT_ONCE = 64
"""Points decoded at once: a mask each."""


class PointFinder(ABC):
    """See `herdbook.edge.perception.sighting.Finder`. An embedding is the mean of the backbone's features over the
    animal, less that over the frame."""

    postures: tuple[str, ...] = ()

    def __init__(self, network: NetworkFile, parameters: Sam3Parameters, *, side: int, dimensions: int) -> None:
        from herdnet.instances import Selection

        self.dimensions = dimensions
        self._side, self._parameters = side, parameters
        self._rules = Selection(**network.selection.model_dump())
        self._frame, self._known = 0, np.zeros((0, 2), np.float32)

    def open(self, camera: Camera) -> None:
        """Begin with a key frame."""
        self._frame, self._known = 0, np.zeros((0, 2), np.float32)

    def find(self, image: Image) -> list[Sighting]:
        """The animals of the next frame; one that was nowhere is found at the next key frame."""
        key = self._frame % self._parameters.key_frames == 0 or not len(self._known)
        points = _grid(self._parameters.points_per_side, self._side) if key else self._known
        self._frame += 1
        features, scores, logits = self._look(image, points)
        sightings = self._sightings(image, scores, logits, features)
        inner = [_inner(s.mask) * (self._side / s.mask.shape[0]) for s in sightings]
        self._known = np.array(inner, np.float32).reshape(-1, 2)
        return sightings

    @abstractmethod
    def _look(self, image: Image, points: Floats) -> tuple[Floats, Floats, Floats]:
        """The backbone's features [C, g, g], and of points in pixels of the network's square scores [P] and mask logits
        [P, h, w], the unsure left out."""

    def _sightings(
        self, image: Image, scores: NDArray[np.float32], logits: NDArray[np.float32], features: NDArray[np.float32]
    ) -> list[Sighting]:
        from herdnet.instances import Outputs, select

        count = len(scores)
        nothing = np.zeros((count, 0), np.float32)
        animals = select(
            Outputs(scores, np.zeros((count, 2), np.float32), logits, nothing, nothing, nothing), 1, self._rules
        )
        return [
            sight(
                animals.masks[k],
                score=float(animals.scores[k]),
                embedding=_look(animals.masks[k], features),
                postures=np.zeros(0),
                frame=(image.shape[0], image.shape[1]),
                touches=touches,
            )
            for k, touches in enumerate(touching(animals.masks))
        ]


def _grid(per_side: int, side: int) -> NDArray[np.float32]:
    """Points x, y spread over a square of `side` pixels."""
    at = (np.arange(per_side, dtype=np.float32) + 0.5) * side / per_side
    return np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2).astype(np.float32)


def _inner(mask: Mask) -> NDArray[np.float32]:
    """The point x, y of a mask that is farthest from its outline, in cells: where to ask for the animal next."""
    import cv2

    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return np.array([column + 0.5, row + 0.5], np.float32)


def _look(mask: Mask, features: NDArray[np.float32]) -> Vector:
    """Mean of features [C, g, g] over a mask on another grid, less the frame's mean, of length 1."""
    import cv2

    size = (features.shape[2], features.shape[1])
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    mean = (features * share).sum(axis=(1, 2)) / max(float(share.sum()), 1e-6) - features.mean(axis=(1, 2))
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)
