"""Torch → ONNX: fixed shapes, one file, and nothing in it that tells about the machine it was made on."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from herdnet.errors import ExportError

OPSET = 20


def export_onnx(model: nn.Module, example: Tensor, path: Path, outputs: Sequence[str], name: str = "images") -> Path:
    """Write a network's graph for inputs of exactly the example's shape.

    TinyViT caches attention biases in its first forward pass in evaluation mode, and an export would then carry
    copies of them in full; caches are dropped here, so a network that was used can be exported too. Evaluation mode
    during the export; the network's mode is restored.

    Args:
        model: any network with one image input.
        example: its values do not matter.
        path: of the file, replaced as a whole.
        outputs: names of the outputs, in order.
        name: of the input.

    Raises:
        ExportError: onnxscript is not installed, or the network uses what ONNX does not have.
    """
    if importlib.util.find_spec("onnxscript") is None:
        raise ExportError("torch's ONNX exporter needs onnxscript, which is not installed", "pip install onnxscript")
    training = model.training
    drop_caches(model)
    model.eval()
    try:
        with warnings.catch_warnings():
            # the caches fill while the exporter looks on; they are emptied again below
            warnings.filterwarnings("ignore", message="The tensor attributes? ", category=UserWarning)
            program = torch.onnx.export(
                model,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[name],
                output_names=list(outputs),
                verbose=False,
                optimize=True,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise ExportError(f"{type(model).__name__} cannot be exported: {str(error).splitlines()[0]}") from error
    finally:
        drop_caches(model)
        model.train(training)
    if program is None:
        raise ExportError(f"{type(model).__name__}: the exporter returned nothing")
    graph = program.model_proto
    forget_origin(graph)
    onnx.checker.check_model(graph)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    onnx.save_model(graph, str(part))
    part.replace(path)
    return path


def drop_caches(model: nn.Module) -> None:
    """Empty what timm's attention layers keep of earlier forward passes."""
    for module in model.modules():
        if isinstance(getattr(module, "attention_bias_cache", None), dict):
            module.attention_bias_cache = {}  # type: ignore[assignment]


def forget_origin(graph: Any) -> None:
    """Name each node after the module that it came from, and drop the exporter's notes, stack traces with paths of
    this machine among them."""
    for node in graph.graph.node:
        notes = {entry.key: entry.value for entry in node.metadata_props}
        node.name = f"{_scope(notes.get('pkg.torch.onnx.name_scopes', ''))}/{node.name}"
        del node.metadata_props[:]
    for part in (graph, graph.graph, *graph.graph.value_info, *graph.graph.initializer):
        del part.metadata_props[:]
    for part in (*graph.graph.input, *graph.graph.output):
        del part.metadata_props[:]
    for node in graph.graph.node:
        node.doc_string = ""


def _scope(scopes: str) -> str:
    """``['', 'trunk', 'trunk.blocks.0', '…conv']`` → the innermost module, ``trunk.blocks.0``."""
    names = [name.strip(" '\"") for name in scopes.strip("[]").split(",")]
    return names[-2] if len(names) > 1 else ""
