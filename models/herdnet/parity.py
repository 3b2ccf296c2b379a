"""Do two runs of a network say the same? Between torch and ONNX, float and int8, one device and another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from herdnet.errors import ExportError, ShapeError

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Difference:
    """How far one output is from its reference."""

    largest: float
    """Largest absolute difference."""
    cosine: float
    """Of the two outputs as one vector each; 1 when both are all zeros."""
    values: int
    """Numbers compared."""


class OnnxNetwork:
    """An ONNX file on the CPU, its outputs by name."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Raises ExportError when the file is missing or is not a graph."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions share no public root
            raise ExportError(f"{path.name} cannot be run: {str(error).splitlines()[0]}") from error
        self.input = self._session.get_inputs()[0].name
        self.outputs = [entry.name for entry in self._session.get_outputs()]

    def __call__(self, images: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Run one input of the graph's shape."""
        return dict(zip(self.outputs, self._session.run(None, {self.input: images}), strict=True))


def open_onnx(path: Path, threads: int = 1, *, optimised: bool = True) -> Callable[[Arrays], dict[str, NDArray[Any]]]:
    """An ONNX file of any number of inputs, on the CPU: outputs by name, of inputs by name.

    Args:
        path: of the file.
        threads: that one run may use.
        optimised: otherwise each node is calculated by itself, as it is written.

    Raises:
        ExportError: the file is missing or is not a graph.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    options.use_deterministic_compute = True
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public root
        raise ExportError(f"{path.name} cannot be run: {str(error).splitlines()[0]}") from error
    names = [entry.name for entry in session.get_outputs()]

    def says(inputs: Arrays) -> dict[str, NDArray[Any]]:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    return says


def differences(reference: Arrays, other: Arrays) -> dict[str, Difference]:
    """Compare outputs of one frame or more, by name.

    Raises:
        ShapeError: an output is missing or has another shape.
    """
    found = {}
    for name, one in reference.items():
        two = other.get(name)
        if two is None or two.shape != one.shape:
            raise ShapeError(f"output {name}: {one.shape} against {None if two is None else two.shape}")
        found[name] = _difference(one, two)
    return found


def proposal_differences(
    reference: Arrays, other: Arrays, *, score: float = 0.3, reach: float = 0.0
) -> tuple[dict[str, Difference], float]:
    """Compare detections where both propose an animal, whatever their order.

    Top-K puts equals in any order, so rows are matched by their points, not by their place.

    Args:
        reference: outputs of `CompactStudent` by name, [B, K, …].
        other: the same of the other run.
        score: only the reference's proposals above it count.
        reach: pixels that a matched point may be away.

    Returns the differences over matched rows, and the share of the reference's proposals that were matched (1 where
    it has none).
    """
    rows: list[tuple[int, int, int]] = []
    wanted = 0
    for frame, (here, there) in enumerate(zip(reference["points"], other["points"], strict=True)):
        for k in np.flatnonzero(reference["scores"][frame] > score):
            wanted += 1
            away = np.linalg.norm(there - here[k], axis=1)
            if away.min() <= reach:
                rows.append((frame, int(k), int(away.argmin())))
    frames, mine, theirs = (
        (np.array(column, int) for column in zip(*rows, strict=True)) if rows else (np.zeros(0, int),) * 3
    )
    found = {name: _difference(one[frames, mine], other[name][frames, theirs]) for name, one in reference.items()}
    return found, len(rows) / wanted if wanted else 1.0


def drift(
    source: Path, quantised: Path, frames: Iterable[NDArray[np.float32]], *, score: float = 0.3, reach: float = 8.0
) -> dict[str, float]:
    """What int8 changes on frames of the domain: ``matched`` (share of proposals that int8 makes too),
    ``mask_iou`` (mean over matched), ``embedding_cosine`` (mean), ``score`` (mean absolute change).

    NaN where no frame has a proposal above `score`.
    """
    whole, small = OnnxNetwork(source), OnnxNetwork(quantised)
    shares, ious, cosines, scores = [], [], [], []
    for images in frames:
        a, b = whole(images), small(images)
        for frame in range(len(images)):
            for k in np.flatnonzero(a["scores"][frame] > score):
                away = np.linalg.norm(b["points"][frame] - a["points"][frame][k], axis=1)
                # the same animal: the near proposal that int8 is surest of
                j = int(np.where(away <= reach, b["scores"][frame], -1.0).argmax())
                near = bool(away[j] <= reach and b["scores"][frame][j] > score / 2)
                shares.append(float(near))
                if near:
                    ious.append(_iou(a["masks"][frame][k] > 0, b["masks"][frame][j] > 0))
                    cosines.append(float(a["embeddings"][frame][k] @ b["embeddings"][frame][j]))
                    scores.append(abs(float(a["scores"][frame][k] - b["scores"][frame][j])))
    names = ("matched", "mask_iou", "embedding_cosine", "score")
    return {name: _mean(values) for name, values in zip(names, (shares, ious, cosines, scores), strict=True)}


def _difference(one: NDArray[Any], two: NDArray[Any]) -> Difference:
    a, b = one.astype(np.float64).ravel(), two.astype(np.float64).ravel()
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    cosine = float(a @ b) / norms if norms else float(np.array_equal(a, b))
    return Difference(float(np.abs(a - b).max(initial=0.0)), cosine, a.size)


def _iou(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    either = int(np.count_nonzero(one | two))
    return int(np.count_nonzero(one & two)) / either if either else 1.0


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
