"""Checkpoints: written whole or not at all, named by their content, read as weights only."""

from __future__ import annotations

import hashlib
import io
import pickle
import re
from pathlib import Path
from typing import Any

import torch

from herdbook.contracts.digest import sha256_of
from herdbook.contracts.durable import disk_full_is_said, make_folder, write_durably
from herdbook.errors import CheckpointError

_NAME = re.compile(r"^step-(\d{9})-([0-9a-f]{64})\.pt$")


class Checkpoints:
    """The newest state of one training, in a folder of its own.

    Args:
        folder: made at the first save.
        recipe: digest of all that the result depends on; another recipe's checkpoints are not gone on with.
    """

    def __init__(self, folder: Path, recipe: str) -> None:
        self._folder = folder / recipe[:32]

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Keep a state; the one before is removed once this one is safe.

        Raises:
            DiskFullError: no space is left; the one before stays.
        """
        buffer = io.BytesIO()
        torch.save(state, buffer)
        content = buffer.getvalue()
        name = f"step-{step:09d}-{hashlib.sha256(content).hexdigest()}.pt"
        make_folder(self._folder)
        with disk_full_is_said(self._folder):
            write_durably(self._folder / name, content)
        for path in self._kept():
            if path.name != name:
                path.unlink()

    def newest(self) -> tuple[int, dict[str, Any]] | None:
        """Step and state to go on from; none where nothing was saved.

        Raises:
            CheckpointError: the file is not what was written.
        """
        kept = self._kept()
        if not kept:
            return None
        path = kept[-1]
        step, digest = _NAME.fullmatch(path.name).groups()  # type: ignore[union-attr]
        try:
            if sha256_of(path) != digest:
                raise CheckpointError(f"{path} was altered or damaged")
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise CheckpointError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
        return int(step), state

    def remove(self) -> None:
        """Training is over and its result is safe."""
        for path in self._kept():
            path.unlink()
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _kept(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))
