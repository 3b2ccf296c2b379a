"""A device that takes up releases: its folder, what it is told, what it is, and where things of releases lie in it.

::

    <root>/releases/<release>-<digest>/     verified files of a release, made by `herdbook.edge.install`
    <root>/releases/active.json             what runs now, and the last good release
    <root>/releases/certificates/           what each engine proved here
    <root>/releases/built/<sha256>.plan     engines that were built here
    <root>/triton/                          the Triton server's models, address and log
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from herdbook.contracts.durable import make_folder
from herdbook.contracts.hardware import Hardware
from herdbook.edge.config import DeviceConfig
from herdbook.edge.locks import in_use
from herdbook.edge.triton.host import TritonHost

Told = Callable[[str], None]
"""Told each step that is done, in the order of `herdbook.edge.activate.steps.STEPS`."""


def say_nothing(_: str) -> None:
    """For callers that do not want to know."""


@dataclass(frozen=True)
class Place:
    """One device, as one process sees it."""

    root: Path
    config: DeviceConfig
    hardware: Hardware
    host: TritonHost = field(repr=False)
    """Its Triton server; untouched where ``serve`` is ``onnxruntime``."""

    @property
    def releases(self) -> Path:
        """Folder of all that has to do with releases."""
        return self.root / "releases"

    @property
    def certificates(self) -> Path:
        """Folder of certificates."""
        return self.releases / "certificates"

    @property
    def built(self) -> Path:
        """Folder of engines built here, by digest."""
        return self.releases / "built"

    @property
    def uses_triton(self) -> bool:
        """Whether networks run through Triton; plans cannot run otherwise."""
        return self.config.serve == "triton"

    @property
    def threads(self) -> int:
        """That one network may use."""
        return self.config.compact.threads


def place_of(root: Path, config: DeviceConfig) -> Place:
    """The device of a folder."""
    make_folder(root / "releases")
    return Place(root, config, hardware_of(config), TritonHost(root))


def hardware_of(config: DeviceConfig) -> Hardware:
    """The machine; ``sku`` in device.yaml wins over what it says of itself."""
    from herdbook.edge.hardware import read_hardware

    hardware = read_hardware()
    return hardware if config.sku is None else hardware.model_copy(update={"sku": config.sku})


def activating(root: Path, *, wait: bool) -> AbstractContextManager[bool]:
    """Be the only one who changes what runs; false where another is, unless waited for."""
    path = make_folder(root / "releases") / ".activation.lock"
    path.touch()
    return in_use(path, wait=wait)
