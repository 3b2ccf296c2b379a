"""Engine ``compact``: herdnet's small student, an ONNX graph on the CPU; one forward pass finds all animals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.camera import Camera
from herdbook.contracts.device_day import ReleaseUse
from herdbook.edge.perception.base import Image
from herdbook.edge.perception.graph import FileGraphs, Graphs
from herdbook.edge.perception.learned import LearnedEngine
from herdbook.edge.perception.network import NetworkFile, read_network
from herdbook.edge.perception.parameters import LearnedParameters
from herdbook.edge.perception.sighting import Sighting, sight, touching
from herdbook.errors import ConfigurationError

_OUTPUTS = ("scores", "points", "masks", "embeddings", "postures", "headings")


class CompactFinder:
    """See `herdbook.edge.perception.sighting.Finder`."""

    def __init__(self, folder: Path, network: NetworkFile, graphs: Graphs) -> None:
        if network.student is None or network.image_size is None or network.stride is None:
            raise ConfigurationError(f"{folder} names no student", "Give the release folder of a compact student.")
        from herdnet.instances import Selection

        self.postures, self.dimensions = network.postures, network.dimensions
        self._size, self._stride = network.image_size, network.stride
        self._rules = Selection(**network.selection.model_dump())
        (height, width), stride = self._size, self._stride
        self._graph = graphs.open(
            "student",
            folder / network.student,
            {"images": (1, 3, height, width)},
            {
                "scores": (1, None),
                "points": (1, None, 2),
                "masks": (1, None, height // stride, width // stride),
                "embeddings": (1, None, network.dimensions),
                "postures": (1, None, max(1, len(network.postures))),
                "headings": (1, None, 2),
            },
        )

    def open(self, camera: Camera) -> None:
        """Nothing is kept from frame to frame."""

    def find(self, image: Image) -> list[Sighting]:
        """The animals of a frame."""
        from herdnet.instances import Outputs, select

        said = self._graph.run(images=as_input(image, self._size))
        animals = select(Outputs(*(said[name][0] for name in _OUTPUTS)), self._stride, self._rules)
        shares = animals.postures[:, : len(self.postures)].astype(np.float64)
        return [
            sight(
                animals.masks[k],
                score=float(animals.scores[k]),
                embedding=animals.embeddings[k],
                postures=shares[k],
                frame=(image.shape[0], image.shape[1]),
                touches=touches,
            )
            for k, touches in enumerate(touching(animals.masks))
        ]


def as_input(image: Image, size: tuple[int, int]) -> NDArray[np.float32]:
    """A BGR frame as the student sees it, in training too: squeezed to (height, width), RGB 0..1, [1, 3, h, w].

    Shrinking averages over areas, growing is bilinear.
    """
    import cv2

    height, width = size
    shrinks = image.shape[0] >= height and image.shape[1] >= width
    if image.shape[:2] != size:
        image = np.asarray(
            cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8
        )
    return np.ascontiguousarray(image[None, :, :, ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def make(
    release: ReleaseUse,
    folder: Path,
    parameters: LearnedParameters,
    *,
    keep_embeddings: bool = False,
    graphs: Graphs | None = None,
) -> LearnedEngine:
    """The engine of a release folder.

    Args:
        keep_embeddings: of every step, for training.
        graphs: where its networks are opened; by default the folder's files, in this process.

    Raises:
        ConfigurationError: the folder is not one, or is another release's.
        MissingDependencyError: onnxruntime is not installed.
    """
    network = read_network(folder)
    graphs = graphs or FileGraphs(parameters.threads)
    finder = CompactFinder(folder, network, graphs)
    return LearnedEngine(release, folder, network, finder, parameters, keep_embeddings=keep_embeddings, graphs=graphs)
