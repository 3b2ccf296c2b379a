"""ONNX graphs on the CPU, checked against what the engine will ask of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from herdbook.errors import ConfigurationError, MissingDependencyError

Shapes = Mapping[str, tuple[int | None, ...]]
"""Names and shapes; none is any size."""
_EXPORT = "Export the release again with `herdbook learn export`."


@dataclass(frozen=True)
class OnnxGraph:
    """A graph on the CPU. The same inputs always give the same outputs."""

    _session: Any
    outputs: tuple[str, ...]
    lengths: dict[str, tuple[int | None, ...]]
    """Shapes of the inputs; none where the size is free."""

    def run(self, **inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Outputs by name."""
        return dict(zip(self.outputs, self._session.run(list(self.outputs), inputs), strict=True))


class Graph(Protocol):
    """A network that is ready to run, wherever it runs."""

    @property
    def lengths(self) -> Mapping[str, tuple[int | None, ...]]:
        """Shapes of the inputs; none where the size is free."""

    def run(self, **inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Outputs by name."""


class Graphs(Protocol):
    """Where a release's networks are opened: files of its folder, or a server that holds them."""

    def open(self, role: str, path: Path, inputs: Shapes, outputs: Shapes) -> Graph:
        """The network of a role, checked: see `open_graph`. ``path`` is what ``network.json`` names."""


@dataclass(frozen=True)
class FileGraphs:
    """The files that ``network.json`` names, in this process; of some roles others may be chosen."""

    threads: int
    chosen: Mapping[str, Path] = field(default_factory=dict)

    def open(self, role: str, path: Path, inputs: Shapes, outputs: Shapes) -> Graph:
        """See `open_graph`."""
        return open_graph(self.chosen.get(role, path), inputs, outputs, threads=self.threads)


def open_graph(path: Path, inputs: Shapes, outputs: Shapes, *, threads: int) -> OnnxGraph:
    """Load an ONNX file and check that it takes and gives what it should.

    Args:
        path: of the file.
        inputs: every input, exactly; a free size in the graph fits any.
        outputs: those that are needed.
        threads: that one run may use.

    Raises:
        ConfigurationError: the file is absent, no ONNX graph, or another one.
        MissingDependencyError: onnxruntime is not installed.
    """
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingDependencyError("learned engines need the extra 'edge' (onnxruntime)") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public root
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigurationError(f"{path} is not an ONNX graph that can be run: {said}", _EXPORT) from error
    took = {entry.name: _sizes(entry.shape) for entry in session.get_inputs()}
    gives = {entry.name: _sizes(entry.shape) for entry in session.get_outputs()}
    check_shapes(str(path), took, gives, inputs, outputs)
    return OnnxGraph(session, tuple(outputs), took)


def check_shapes(name: str, took: Shapes, gives: Shapes, inputs: Shapes, outputs: Shapes) -> None:
    """Compare what a graph takes and gives with what it should.

    Raises:
        ConfigurationError: it takes other inputs, or lacks an output, or a size differs.
    """
    _check(name, "takes", took, inputs)
    if set(took) - set(inputs):
        raise ConfigurationError(f"{name} also takes {', '.join(sorted(set(took) - set(inputs)))}", _EXPORT)
    _check(name, "gives", gives, outputs)


def _sizes(shape: list[Any]) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in shape)


def _check(path: str, verb: str, found: Shapes, wanted: Shapes) -> None:
    for name, shape in wanted.items():
        if name not in found:
            raise ConfigurationError(f"{path} {verb} {', '.join(found)}, not '{name}'", _EXPORT)
        sizes = found[name]
        fits = len(sizes) == len(shape) and all(
            a is None or b is None or a == b for a, b in zip(sizes, shape, strict=True)
        )
        if not fits:
            raise ConfigurationError(f"{path}: '{name}' is {_said(sizes)}, not {_said(shape)}", _EXPORT)


def _said(shape: tuple[int | None, ...]) -> str:
    return "x".join("any" if size is None else str(size) for size in shape)
