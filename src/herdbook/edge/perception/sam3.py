"""Engine ``sam3``: a SAM 3 tracker's segmenter asked everywhere, and between key frames where animals were.

A release's folder has graphs, which ONNX Runtime runs; a folder of training has weights, and torch is imported then,
when the engine is made. Following, steps and behaviour are those of every learned engine.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from herdbook.contracts.device_day import ReleaseUse
from herdbook.edge.perception.base import Image
from herdbook.edge.perception.graph import FileGraphs, Graphs
from herdbook.edge.perception.learned import LearnedEngine
from herdbook.edge.perception.network import NetworkFile, read_network
from herdbook.edge.perception.parameters import Sam3Parameters
from herdbook.edge.perception.points import AT_ONCE, Floats, PointFinder
from herdbook.edge.perception.sam3_graphs import RULES_NAME, GraphFinder, open_runner, shared_runner
from herdbook.errors import ConfigurationError, MissingDependencyError

if TYPE_CHECKING:
    from herdnet.sam3 import Teacher


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
            for some in torch.split(torch.from_numpy(points).to(features.device), AT_ONCE):
                best, score = self._teacher.masks_from_features(features, Prompts(some[None, :, None])).best()
                sure = score[0] >= self._rules.score
                scores.append(score[0][sure].float().cpu().numpy())
                logits.append(best[0][sure].float().cpu().numpy())
        return features[0].float().cpu().numpy(), np.concatenate(scores), np.concatenate(logits)

    def _tensor(self, image: Image) -> Any:
        import torch

        pixels = np.ascontiguousarray(image[None, :, :, ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)
        return torch.from_numpy(pixels).to(self._parameters.device)


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
    release: ReleaseUse,
    folder: Path,
    parameters: Sam3Parameters,
    *,
    keep_embeddings: bool = False,
    graphs: Graphs | None = None,
) -> LearnedEngine:
    """The engine of a release's folder, or of a folder with a teacher's weights.

    Args:
        keep_embeddings: of every step, for training.
        graphs: where a release's networks are opened; by default the folder's files, in this process.

    Raises:
        ConfigurationError: the folder is not one, or is another release's.
        MissingDependencyError: onnxruntime, or for weights torch or transformers, is not installed.
    """
    network = read_network(folder)
    if (folder / RULES_NAME).is_file():
        threads = parameters.threads
        runner = open_runner(folder, graphs) if graphs else shared_runner(folder, threads, _changes(folder))
        finder: PointFinder = GraphFinder(runner, network, parameters)
        return LearnedEngine(
            release,
            folder,
            network,
            finder,
            parameters,
            keep_embeddings=keep_embeddings,
            graphs=graphs or FileGraphs(threads),
        )
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
