"""Engine ``sam3`` from a release's graphs, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from herdbook.edge.perception.base import Image
from herdbook.edge.perception.compact import as_input
from herdbook.edge.perception.graph import FileGraphs, Graph, Graphs, Shapes
from herdbook.edge.perception.network import NetworkFile
from herdbook.edge.perception.parameters import Sam3Parameters
from herdbook.edge.perception.points import AT_ONCE, Floats, PointFinder
from herdbook.errors import ConfigurationError, MissingDependencyError

if TYPE_CHECKING:
    from herdnet.sam3_runner import Sam3Runner

RULES_NAME, GRAPHS = "sam3.json", ".fp32.onnx"
"""What tells a folder of graphs, and how its graphs end (`herdnet.sam3_rules`)."""
_FREE = None
_GRAPHS: dict[str, tuple[Shapes, Shapes]] = {
    "encoder": (
        {"images": (1, 3, _FREE, _FREE)},
        dict.fromkeys(("fine", "middle", "coarse", "features"), (1, _FREE, _FREE, _FREE)),
    ),
    "decoder": (
        {
            **dict.fromkeys(("fine", "middle", "pixels"), (1, _FREE, _FREE, _FREE)),
            "points": (1, _FREE, _FREE, 2),
            "labels": (1, _FREE, _FREE),
        },
        {"masks": (1, _FREE, _FREE, _FREE), "iou": (1, _FREE), "objects": (1, _FREE)},
    ),
}
"""What is asked here, by role. Memory is for objects that are prompted once; here every frame asks anew."""


def open_runner(folder: Path, graphs: Graphs) -> Sam3Runner:
    """The graphs of a release's folder."""
    try:
        from herdnet.errors import HerdnetError
        from herdnet.sam3_rules import read_rules
        from herdnet.sam3_runner import Sam3Runner
    except ImportError as error:
        raise MissingDependencyError(
            f"engine 'sam3' needs onnxruntime: {error}", "pip install 'herdbook[edge]'"
        ) from error
    try:
        rules = read_rules(folder)
    except HerdnetError as error:
        raise ConfigurationError(error.message, error.remedy) from error
    opened = {
        role: graphs.open(role, folder / f"{role}{GRAPHS}", inputs, outputs)
        for role, (inputs, outputs) in _GRAPHS.items()
    }
    return Sam3Runner(rules, {role: partial(_run, graph) for role, graph in opened.items()})


def _run(graph: Graph, inputs: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
    return graph.run(**inputs)


@lru_cache(maxsize=1)
def shared_runner(folder: Path, threads: int, changed: tuple[int, ...]) -> Sam3Runner:
    """In this process, once for all cameras: as they are asked here they keep nothing from frame to frame."""
    return open_runner(folder, FileGraphs(threads))


class GraphFinder(PointFinder):
    """By graphs, without torch."""

    def __init__(self, runner: Sam3Runner, network: NetworkFile, parameters: Sam3Parameters) -> None:
        super().__init__(network, parameters, side=runner.rules.side, dimensions=network.dimensions)
        self._runner = runner

    def _look(self, image: Image, points: Floats) -> tuple[Floats, Floats, Floats]:
        size = (self._runner.rules.picture,) * 2
        seen = self._runner.look(as_input(image, size)[0])
        scores, logits = [], []
        for begin in range(0, len(points), AT_ONCE):
            some, score = self._runner.ask(seen, points[begin : begin + AT_ONCE])
            sure = score >= self._rules.score
            scores.append(score[sure])
            logits.append(some[sure])
        return seen["features"][0], np.concatenate(scores), np.concatenate(logits)
