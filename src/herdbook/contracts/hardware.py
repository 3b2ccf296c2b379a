"""What an engine is tied to: the machine it was built on, as the device itself reads it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from herdbook.contracts.camera import Contract
from herdbook.contracts.identifiers import Slug

Version = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){0,3}$", max_length=31)]
"""Numbers and dots."""


class Hardware(Contract):
    """A device's machine. Without TensorRT its three versions are absent, and ONNX Runtime runs the graphs."""

    sku: Slug
    """Which budgets hold: ``orin-nano-8``, ``orin-nx-16``, …, ``cpu``."""
    memory_mib: Annotated[int, Field(gt=0, le=1 << 24)]
    serial: Annotated[str, Field(max_length=127)] = ""
    """Of the board, if it says one; what tells that hardware was swapped."""
    jetpack: Version | None = None
    tensorrt: Version | None = None
    cuda: Version | None = None

    @property
    def has_tensorrt(self) -> bool:
        """Whether engines are TensorRT plans here."""
        return self.tensorrt is not None

    @property
    def engine_key(self) -> str:
        """Devices with equal keys may share a plan: SKU, memory, JetPack, TensorRT, CUDA; safe in a path."""
        versions = (self.jetpack, self.tensorrt, self.cuda)
        return "_".join((self.sku, f"{self.memory_mib}", *(version or "none" for version in versions)))
