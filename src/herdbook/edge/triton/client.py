"""What the device asks of its Triton server: load, unload, what is there, and one inference."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from herdbook.errors import TritonError

_PATIENCE_S = 60.0
_READY = "READY"
_LOADED = (_READY, "UNLOADING", "LOADING")
_UNLOAD_S, _POLL_S = 30.0, 0.05
_T = TypeVar("_T")


class Served(NamedTuple):
    """One version of a model in Triton's repository."""

    model: str
    version: int


class TritonClient:
    """One server's address. Threads share the object; each has a connection of its own."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._local = threading.local()

    def ready(self) -> bool:
        """Whether the server answers and is ready."""
        try:
            return bool(self._ask("is ready", lambda c: c.is_server_ready()))
        except TritonError:
            return False

    def load(self, model: str) -> None:
        """Load the versions that the model's ``config.pbtxt`` names; those it no longer names are unloaded.

        Raises:
            TritonError: it cannot be loaded, which leaves serving what was serving; or the server does not answer.
        """
        self._ask(f"load {model}", lambda c: c.load_model(model))

    def unload(self, model: str) -> None:
        """Unload all versions of a model, and wait until their memory is free; one that is not loaded is no error.

        Raises:
            TritonError: the server does not answer.
        """
        self._ask(f"unload {model}", lambda c: c.unload_model(model))
        deadline = time.monotonic() + _UNLOAD_S
        while time.monotonic() < deadline:
            entries = self._ask("list its models", lambda c: c.get_model_repository_index())
            if not any(entry["name"] == model and entry.get("state") in _LOADED for entry in entries):
                return
            time.sleep(_POLL_S)

    def index(self) -> set[Served]:
        """What is ready to serve.

        Raises:
            TritonError: the server does not answer.
        """
        entries = self._ask("list its models", lambda c: c.get_model_repository_index())
        return {Served(e["name"], int(e["version"])) for e in entries if e.get("state") == _READY and e.get("version")}

    def shapes(self, model: str, version: int) -> tuple[dict[str, tuple[int | None, ...]], ...]:
        """Names and shapes of inputs, and of outputs; none is any size.

        Raises:
            TritonError: the version is not served.
        """
        said = self._ask(f"describe {model}", lambda c: c.get_model_metadata(model, str(version)))
        return tuple(
            {t["name"]: tuple(None if n < 0 else n for n in map(int, t["shape"])) for t in said[side]}
            for side in ("inputs", "outputs")
        )

    def infer(
        self, model: str, version: int, inputs: Mapping[str, NDArray[Any]], outputs: tuple[str, ...] = ()
    ) -> dict[str, NDArray[Any]]:
        """One inference with exactly this version.

        Args:
            outputs: those wanted; all where none is named.

        Raises:
            TritonError: the version is not served, or the server does not answer.
        """
        from tritonclient import http
        from tritonclient.utils import np_to_triton_dtype

        tensors = []
        for name, values in inputs.items():
            tensor = http.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
            tensor.set_data_from_numpy(np.ascontiguousarray(values))
            tensors.append(tensor)
        wanted = [http.InferRequestedOutput(name) for name in outputs] or None
        said = self._ask(
            f"run {model} {version}", lambda c: c.infer(model, tensors, model_version=str(version), outputs=wanted)
        )
        names = outputs or tuple(entry["name"] for entry in said.get_response()["outputs"])
        found = {name: said.as_numpy(name) for name in names}
        return {name: values for name, values in found.items() if values is not None}

    def _ask(self, what: str, question: Callable[[Any], _T]) -> _T:
        from tritonclient.utils import InferenceServerException

        try:
            return question(self._connection())
        except InferenceServerException as error:
            raise TritonError(f"Triton could not {what}: {error.message() or error}"[:400]) from error
        except Exception as error:  # sockets' and the HTTP library's own share no public root
            self._local.__dict__.pop("connection", None)
            raise TritonError(f"Triton does not answer ({what}): {type(error).__name__}") from error

    def _connection(self) -> Any:
        if not hasattr(self._local, "connection"):
            from tritonclient import http

            self._local.connection = http.InferenceServerClient(
                self.address, connection_timeout=5.0, network_timeout=_PATIENCE_S
            )
        return self._local.connection
