"""A Triton Python-backend model that runs ``model.onnx`` beside it through ONNX Runtime on the CPU.

Copied into the model repository as ``model.py`` and run in Triton's own environment, so it imports nothing of ours. The
same session options as `herdbook.edge.perception.graph`: the same file gives the same numbers here and there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnxruntime  # type: ignore[import-untyped]
import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found]


class TritonPythonModel:
    """What Triton's Python backend asks for."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the graph of this version."""
        told = json.loads(args["model_config"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(told["parameters"]["threads"]["string_value"])
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4
        path = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._inputs = [entry.name for entry in self._session.get_inputs()]

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request with the outputs that it asks for."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        wanted = list(request.requested_output_names())
        given = {name: pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in self._inputs}
        try:
            said = self._session.run(wanted, given)
        except Exception as error:  # onnxruntime's own share no public root
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error)[:500]))
        tensors = [pb_utils.Tensor(name, values) for name, values in zip(wanted, said, strict=True)]
        return pb_utils.InferenceResponse(output_tensors=tensors)
