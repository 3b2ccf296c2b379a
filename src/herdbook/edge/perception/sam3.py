"""Engine ``sam3``: a SAM 3 tracker's segmenter asked everywhere, and between key frames where animals were.

A release's folder has graphs, which ONNX Runtime runs; a folder of training has weights, and torch is imported then,
when the engine is made. Following, steps and behaviour are those of every learned engine.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Camera
from herdbook.contracts.device_day import ReleaseUse
from herdbook.edge.perception.base import Image, Mask, Vector
from herdbook.edge.perception.compact import as_input
from herdbook.edge.perception.learned import LearnedEngine
from herdbook.edge.perception.network import NetworkFile, read_network
from herdbook.edge.perception.parameters import Sam3Parameters
from herdbook.edge.perception.sighting import Sighting, sight, touching
from herdbook.errors import ConfigurationError, MissingDependencyError

if TYPE_CHECKING:
    from herdnet.sam3 import Teacher
    from herdnet.sam3_runner import Sam3Runner

Floats = NDArray[np.float32]
RULES_NAME, GRAPHS = "sam3.json", ".fp32.onnx"
"""What tells a folder of graphs, and how its graphs end (`herdnet.sam3_rules`)."""

_AT_ONCE = 64
"""Points decoded at once: a mask each."""


class PointFinder:
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

    def _look(self, image: Image, points: Floats) -> tuple[Floats, Floats, Floats]:
        """The backbone's features [C, g, g], and of points in pixels of the network's square scores [P] and mask logits
        [P, h, w], the unsure left out."""
        raise NotImplementedError

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


class TeacherFinder(PointFinder):
    """By torch, from weights."""

    def __init__(self, teacher: Teacher, network: NetworkFile, parameters: Sam3Parameters) -> None:
        super().__init__(network, parameters, side=teacher.side, dimensions=teacher.channels)
        self._teacher = teacher

    def _look(self, image: Image, points: Floats) -> tuple[Floats, Floats, Floats]:
        import torch

        from herdnet.prompts import Prompts

        scores, logits = [], []
        with torch.inference_mode():
            features = self._teacher.features(self._tensor(image))
            for some in torch.split(torch.from_numpy(points).to(features.device), _AT_ONCE):
                best, score = self._teacher.masks_from_features(features, Prompts(some[None, :, None])).best()
                sure = score[0] >= self._rules.score
                scores.append(score[0][sure].float().cpu().numpy())
                logits.append(best[0][sure].float().cpu().numpy())
        return features[0].float().cpu().numpy(), np.concatenate(scores), np.concatenate(logits)

    def _tensor(self, image: Image) -> Any:
        import torch

        pixels = np.ascontiguousarray(image[None, :, :, ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)
        return torch.from_numpy(pixels).to(self._parameters.device)


class GraphFinder(PointFinder):
    """By graphs, without torch."""

    def __init__(self, runner: Sam3Runner, network: NetworkFile, parameters: Sam3Parameters) -> None:
        super().__init__(network, parameters, side=runner.rules.side, dimensions=network.dimensions)
        self._runner = runner

    def _look(self, image: Image, points: Floats) -> tuple[Floats, Floats, Floats]:
        size = (self._runner.rules.picture,) * 2
        seen = self._runner.look(as_input(image, size)[0])
        scores, logits = [], []
        for begin in range(0, len(points), _AT_ONCE):
            some, score = self._runner.ask(seen, points[begin : begin + _AT_ONCE])
            sure = score >= self._rules.score
            scores.append(score[sure])
            logits.append(some[sure])
        return seen["features"][0], np.concatenate(scores), np.concatenate(logits)


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


@lru_cache(maxsize=1)
def _open(folder: Path, threads: int, changed: tuple[int, ...]) -> Sam3Runner:
    """The graphs of a release's folder; they too keep nothing from frame to frame, as they are asked here."""
    try:
        from herdnet.errors import HerdnetError
        from herdnet.sam3_runner import Sam3Runner
    except ImportError as error:
        raise MissingDependencyError(
            f"engine 'sam3' needs onnxruntime: {error}", "pip install 'herdbook[edge]'"
        ) from error
    try:
        return Sam3Runner.open(folder, GRAPHS, threads)
    except HerdnetError as error:
        raise ConfigurationError(error.message, error.remedy) from error


@lru_cache(maxsize=1)
def _load(folder: Path, device: str, changed: tuple[int, ...]) -> Teacher:
    """One teacher serves all cameras of a device: it keeps nothing from frame to frame."""
    try:
        import torch

        from herdnet.errors import HerdnetError
        from herdnet.sam3 import Teacher
    except ImportError as error:
        raise MissingDependencyError(
            f"engine 'sam3' needs torch and transformers: {error}", "pip install 'herdbook[learning]'"
        ) from error
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigurationError("there is no GPU here that torch can use", "Set `sam3: {device: cpu}`.")
    try:
        return Teacher.load(folder).to(device).eval()
    except HerdnetError as error:
        raise ConfigurationError(error.message, error.remedy) from error


def make(
    release: ReleaseUse, folder: Path, parameters: Sam3Parameters, *, keep_embeddings: bool = False
) -> LearnedEngine:
    """The engine of a release folder with a teacher's weights; `keep_embeddings` of every step, for training.

    Raises:
        ConfigurationError: the folder is not one, or is another release's.
        MissingDependencyError: torch or transformers is not installed.
    """
    network = read_network(folder)
    if (folder / RULES_NAME).is_file():
        finder: PointFinder = GraphFinder(_open(folder, parameters.threads, _changes(folder)), network, parameters)
        return LearnedEngine(release, folder, network, finder, parameters, keep_embeddings=keep_embeddings)
    teacher = _load(folder, parameters.device, _changes(folder))
    if network.dimensions != teacher.channels:
        raise ConfigurationError(
            f"{folder} says {network.dimensions} dimensions, its weights give {teacher.channels}",
            "Export the release again.",
        )
    finder = TeacherFinder(teacher, network, parameters)
    return LearnedEngine(release, folder, network, finder, parameters, keep_embeddings=keep_embeddings)


def _changes(folder: Path) -> tuple[int, ...]:
    """What tells a folder whose files were replaced."""
    return tuple(path.stat().st_mtime_ns for path in sorted(folder.iterdir()))
