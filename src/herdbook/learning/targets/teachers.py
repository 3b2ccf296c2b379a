"""SAM 3's backbone as a `TargetMaker`: its weights from a folder, or a small one of the same classes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herdbook.contracts.digest import sha256_of
from herdbook.errors import ConfigurationError, MissingDependencyError

if TYPE_CHECKING:
    from torch import Tensor

    from herdnet.sam3 import Teacher

SMALL = "small"
"""A small teacher with random weights by seed: ``small:0``. It knows nothing; it shows that the path works."""


class SamTargets:
    """Backbone features of a `herdnet.sam3.Teacher`."""

    def __init__(self, teacher: Teacher, release: str, device: str = "cpu", *, half: bool = False) -> None:
        import torch

        self._device = torch.device(device)
        self._half = half and self._device.type != "cpu"
        self._teacher = teacher.eval().to(self._device)
        self.release, self.side = release, teacher.side

    def features(self, frames: Tensor) -> Tensor:
        """[B, 3, side, side] → [B, channels, grid, grid]."""
        import torch

        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._half):
            return self._teacher.features(frames.to(self._device))


def load_teacher(name: str, device: str = "cpu", *, half: bool = False) -> SamTargets:
    """A teacher by name.

    Args:
        name: a folder of weights (config.json and safetensors), or ``small:SEED``.
        device: where it runs.
        half: bfloat16 on a GPU; part of the release, for features differ.

    Raises:
        ConfigurationError: there are no such weights; the remedy says how to get access.
        MissingDependencyError: torch or transformers is not installed.
    """
    try:
        import torch

        from herdnet.errors import HerdnetError
        from herdnet.sam3 import Teacher
    except ImportError as error:
        raise MissingDependencyError(
            f"teachers need {error.name}, which is not installed", "pip install 'herdbook[learning]'"
        ) from error
    suffix = "-bf16" if half and device != "cpu" else ""
    kind, _, seed = name.partition(":")
    if kind == SMALL:
        if not seed.isdecimal():
            raise ConfigurationError(f"teacher '{name}'", "Say small:0, with any seed, or name a folder of weights.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(seed))
            teacher = Teacher.small()
        return SamTargets(teacher, f"sam3-small-{seed}-{_version()}{suffix}", device, half=half)
    try:
        teacher = Teacher.load(Path(name))
    except HerdnetError as error:
        raise ConfigurationError(f"teacher '{name}': {error.message}", error.remedy) from error
    return SamTargets(teacher, f"{release_of(Path(name))}{suffix}", device, half=half)


def release_of(folder: Path) -> str:
    """What names a folder of weights, by its content."""
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.safetensors"), folder / "config.json"]):
        digest.update(f"{file.name} {sha256_of(file)}\n".encode())
    return f"sam3-{digest.hexdigest()[:16]}"


def _version() -> Any:
    """Random weights by seed hold for one version of torch."""
    import torch

    return torch.__version__.split("+")[0]
