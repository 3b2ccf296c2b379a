"""The behaviour head → ONNX: any number of steps in one graph."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch

from herdnet.behaviour import BehaviourHead
from herdnet.errors import ExportError
from herdnet.export import OPSET, forget_origin

INPUTS = ("features", "present", "embeddings")
OUTPUT = "logits"
_STEPS = 96
"""Of the example; its number does not matter."""


def export_behaviour(head: BehaviourHead, path: Path) -> Path:
    """Write the head as a graph of ``features`` [1, T, F], ``present`` [1, T] and, where it wants them, ``embeddings``
    [1, T, D] → ``logits`` [1, T, C] as `BehaviourHead.forward` gives them: priors and temperature travel beside.

    Raises:
        ExportError: the exporter cannot write it.
    """
    config = head.config
    example = [torch.zeros(1, _STEPS, len(config.features)), torch.ones(1, _STEPS, dtype=torch.bool)]
    if config.dimensions:
        example.append(torch.zeros(1, _STEPS, config.dimensions))
    steps = torch.export.Dim("steps", min=2, max=1 << 20)
    training = head.training
    head.eval()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning)
            program = torch.onnx.export(
                head,
                tuple(example),
                dynamo=True,
                opset_version=OPSET,
                input_names=list(INPUTS[: len(example)]),
                output_names=[OUTPUT],
                dynamic_shapes=tuple({1: steps} for _ in example),
                verbose=False,
                optimize=True,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise ExportError(f"the behaviour head cannot be exported: {str(error).splitlines()[0]}") from error
    finally:
        head.train(training)
    if program is None:
        raise ExportError("the behaviour head: the exporter returned nothing")
    graph = program.model_proto
    forget_origin(graph)
    onnx.checker.check_model(graph)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    onnx.save_model(graph, str(part))
    part.replace(path)
    return path
