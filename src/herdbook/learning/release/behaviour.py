"""The behaviour head in a release: its graph for any number of steps, checked against torch, and its fixtures."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from herdbook.contracts.release import InputShape, Network, Precision
from herdbook.learning.release.fixtures import Case, write_fixtures
from herdbook.learning.release.made import Compared, Made
from herdbook.learning.release.recipes import Steps
from herdnet.behaviour import BehaviourConfig, BehaviourHead
from herdnet.behaviour_export import INPUTS, OUTPUT, export_behaviour
from herdnet.half import halve
from herdnet.parity import open_onnx

ROLE = "behaviour"
GRAPH = "behaviour.fp32.onnx"
_LENGTHS = (2, 3, 17, 96, 400)
_FIXTURE_LENGTHS = (24, 240)


def write_head(folder: Path, head: BehaviourHead, made: Made, steps: Steps) -> None:
    """Write the head's graph and fixtures, and say of them what the release needs.

    Raises:
        ReleaseNotProvedError: the graph is not what torch says.
    """
    head.eval()
    graph = export_behaviour(head, folder / GRAPH)
    error, says = Compared(f"the {ROLE} head"), open_onnx(graph)
    for length in _LENGTHS:
        inputs = tracklet(head, length, seed=length)
        with torch.no_grad():
            wanted = head(*(torch.from_numpy(inputs[name]) for name in INPUTS if name in inputs)).numpy()
        error.add({OUTPUT: wanted}, says(inputs), f"a random tracklet of {length} steps")
    made.networks.append(
        Network(
            role=ROLE,
            precision=Precision.FP32,
            file=GRAPH,
            largest_error=error.largest,
            allowed_error=error.allowed,
        )
    )
    cases = [Case(f"steps{length}", tracklet(head, length, seed=1000 + length)) for length in _FIXTURE_LENGTHS]
    with tempfile.TemporaryDirectory() as place:
        rounded = [open_onnx(halve(graph, Path(place) / "half.onnx")), open_onnx(graph, optimised=False)]
        made.fixtures += write_fixtures(
            folder, ROLE, Precision.FP32, cases, says=says, rounded=rounded, outputs=[OUTPUT]
        )
    made.shapes += shapes(head.config, steps)


def tracklet(head: BehaviourHead, length: int, seed: int) -> dict[str, NDArray[Any]]:
    """Random inputs as frequent and as large as those that the head was trained on; a tenth of the steps is missing."""
    rng, config = np.random.default_rng(seed), head.config
    mean, std = head.mean.numpy(), head.std.numpy()
    features = mean + std * rng.standard_normal((1, length, len(config.features)), np.float32)
    present = rng.random((1, length)) < 0.9
    present[0, 0] = True
    found: dict[str, NDArray[Any]] = {"features": features.astype(np.float32), "present": present}
    if config.dimensions:
        vectors = rng.standard_normal((1, length, config.dimensions), np.float32)
        found["embeddings"] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return found


def shapes(config: BehaviourConfig, steps: Steps) -> list[InputShape]:
    """Least, usual and largest inputs, for TensorRT."""
    sizes: dict[str, tuple[int, ...]] = {"features": (len(config.features),), "present": ()}
    if config.dimensions:
        sizes["embeddings"] = (config.dimensions,)
    return [
        InputShape(name=name, least=(1, steps.least, *rest), usual=(1, steps.usual, *rest), most=(1, steps.most, *rest))
        for name, rest in sizes.items()
    ]
