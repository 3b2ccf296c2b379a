"""Networks in int8: explicit Q/DQ nodes, for ONNX Runtime and TensorRT alike.

Quantised statically: symmetric int8 activations (TensorRT knows no zero points), symmetric int8 weights per channel,
ranges from calibration frames of the domain (ADR 0096).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (  # type: ignore[import-untyped]
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from herdnet.errors import ExportError

Floats = NDArray[np.float32]
KEEP = (
    *("decoder.filters", "decoder.state", "decoder.embed", "saliency.out"),
    *("trunk.conv_stem", "trunk.bn1", "trunk.blocks.0", "trunk.patch_embed"),
)
"""Modules of the compact student that stay float: tiny, and a filter's coefficients differ a hundredfold in size; and
the trunk's first layers, whose few channels differ as much and on which all else is built (ADR 0096)."""


def quantise_onnx(
    source: Path, target: Path, calibration: Iterable[Floats], *, keep: tuple[str, ...] = KEEP, percentile: float = 0.0
) -> Path:
    """Static int8 of an exported network's convolutions and linear layers.

    Args:
        source: written by `export.export_onnx` (nodes carry their module's name).
        target: replaced as a whole.
        calibration: inputs of the graph's shape, of the domain and in all its lights; about 500 for a release.
        keep: modules whose nodes stay float. Products of two activations always do.
        percentile: 0 takes the largest value seen as the range; 99.99 ignores the outliers beyond.

    Raises:
        ExportError: no calibration input, or onnxruntime cannot read the graph.
    """
    frames = iter(calibration)
    first = next(frames, None)
    if first is None:
        raise ExportError("int8 needs calibration frames, and there are none", "Give some hundred frames of the farm.")
    graph = onnx.load(str(source))
    # The exporter has folded constants and inferred shapes: onnxruntime is told, so that it does not ask for it.
    graph.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
    part = target.with_name(f".{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        quantize_static(
            graph,
            str(part),
            _Reader(graph.graph.input[0].name, first, frames),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
            nodes_to_exclude=_kept(graph, keep),
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile if percentile else CalibrationMethod.MinMax,
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "CalibPercentile": percentile or 99.99,
            },
        )
        part.replace(target)
    except (ValueError, RuntimeError) as error:
        raise ExportError(f"{source.name} cannot be quantised: {str(error).splitlines()[0]}") from error
    finally:
        part.unlink(missing_ok=True)
    return target


class _Reader:
    """Calibration frames as onnxruntime asks for them, one at a time."""

    def __init__(self, name: str, first: Floats, rest: Iterator[Floats]) -> None:
        self._name, self._first, self._rest = name, first, rest
        self._begun = False

    def get_next(self) -> dict[str, Floats] | None:
        """The next input, none at the end."""
        if not self._begun:
            self._begun = True
            return {self._name: self._first}
        frame = next(self._rest, None)
        return None if frame is None else {self._name: frame}


def _kept(graph: Any, keep: tuple[str, ...]) -> list[str]:
    """Nodes that stay float: those of the kept modules, and products without a constant side."""
    constants = {entry.name for entry in graph.graph.initializer}
    return [
        node.name
        for node in graph.graph.node
        if node.name.startswith(keep)
        or (node.op_type in ("MatMul", "Gemm") and not any(name in constants for name in node.input))
    ]
