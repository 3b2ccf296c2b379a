"""An installed release's networks as the recorder runs them: in its own process, or through the device's Triton."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from herdbook.edge.activate.state import EngineFile, Installed
from herdbook.edge.perception.graph import Graph, Graphs, Shapes, check_shapes, open_graph
from herdbook.edge.triton.client import TritonClient
from herdbook.edge.triton.host import TritonHost
from herdbook.edge.triton.repository import model_name
from herdbook.errors import TritonError


@dataclass(frozen=True)
class InstalledGraphs:
    """The graphs that this device's recipe chose, in this process."""

    releases: Path
    installed: Installed
    threads: int

    def open(self, role: str, path: Path, inputs: Shapes, outputs: Shapes) -> Graph:
        """The recipe's graph of the role; where the release has none of that role, the file that is named."""
        engine = engine_of(self.installed, role)
        here = path if engine is None else self.releases / engine.place
        return open_graph(here, inputs, outputs, threads=self.threads)


@dataclass
class TritonGraph:
    """One version of a model in the device's Triton server.

    Where the server crashed it is started again and the version loaded once more. Where that does not help, the same
    graph runs in this process until the engine is opened anew: a recorder is never without its network.
    """

    host: TritonHost
    model: str
    version: int
    outputs: tuple[str, ...]
    lengths: Mapping[str, tuple[int | None, ...]]
    _inside: InstalledGraphs
    _opening: tuple[str, Path, Shapes, Shapes] = field(repr=False)
    _client: TritonClient | None = None
    _own: Graph | None = None

    def run(self, **inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Outputs by name."""
        for _ in range(2 if self._own is None else 0):
            try:
                if self._client is None:
                    self._client = ensure_loaded(self.host, self.model, self.version)
                return self._client.infer(self.model, self.version, inputs, self.outputs)
            except TritonError:
                self._client = None
        self._own = self._own or self._inside.open(*self._opening)
        return self._own.run(**inputs)


@dataclass(frozen=True)
class TritonGraphs:
    """The networks of an installed release in the device's Triton server."""

    host: TritonHost
    inside: InstalledGraphs

    def open(self, role: str, path: Path, inputs: Shapes, outputs: Shapes) -> Graph:
        """The served version, checked like a file; a role that the release has no network of is opened as a file."""
        installed = self.inside.installed
        if engine_of(installed, role) is None:
            return self.inside.open(role, path, inputs, outputs)
        name = model_name(role, installed.use.release_id)
        try:
            took, gives = ensure_loaded(self.host, name, installed.version).shapes(name, installed.version)
        except TritonError:
            return self.inside.open(role, path, inputs, outputs)
        check_shapes(f"Triton's {name} {installed.version}", took, gives, inputs, outputs)
        opening = (role, path, inputs, outputs)
        return TritonGraph(self.host, name, installed.version, tuple(outputs), took, self.inside, opening)


def graphs_of(host: TritonHost, releases: Path, installed: Installed, *, triton: bool, threads: int) -> Graphs:
    """Where an installed release's networks are opened."""
    inside = InstalledGraphs(releases, installed, threads)
    return TritonGraphs(host, inside) if triton or installed.backend == "tensorrt" else inside


def ensure_loaded(host: TritonHost, model: str, version: int) -> TritonClient:
    """Load a model's versions unless this one is ready; a client of the server that has it.

    Raises:
        TritonError: the server does not come up, or the version not in it.
    """
    client = host.client()
    if (model, version) not in client.index():
        client.load(model)
        if (model, version) not in client.index():
            raise TritonError(f"Triton loaded {model}, but version {version} is not ready")
    return client


def engine_of(installed: Installed, role: str) -> EngineFile | None:
    """The engine of a role."""
    return next((engine for engine in installed.engines if engine.role == role), None)
