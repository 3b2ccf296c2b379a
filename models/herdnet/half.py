"""What half precision makes of a graph, found out on a machine that has none: a graph whose every value is rounded to
fp16 between operations. Accumulators keep float32, as tensor cores have them; so it stands for a TensorRT engine built
with ``--fp16``, and is never shipped."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16  # type: ignore[import-untyped]

from herdnet.errors import ExportError


def halve(source: Path, target: Path) -> Path:
    """Write a graph's twin in fp16, with inputs and outputs as they were.

    Raises:
        ExportError: the graph cannot be converted.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="the float32 number")  # denormals: that is what fp16 does
            twin = convert_float_to_float16(onnx.load(str(source)), keep_io_types=True, disable_shape_infer=False)
        onnx.save_model(twin, str(target))
    except (ValueError, RuntimeError, TypeError) as error:
        raise ExportError(f"{source.name} cannot be rounded to fp16: {str(error).splitlines()[0]}") from error
    return target
