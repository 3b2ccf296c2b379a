"""Whoever says which animals are in one frame: the student's engine as a device would run it, and the teacher."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from herdbook.contracts.camera import Camera
from herdbook.edge.config import DeviceConfig
from herdbook.edge.engines import make_engine
from herdbook.edge.perception.base import Instance
from herdbook.edge.video import samples
from herdbook.errors import ConfigurationError, MissingDependencyError
from herdbook.learning.pixels import Image
from herdbook.learning.review.disagree import Mask
from herdbook.learning.targets.teachers import release_of

_SAMPLES = 64


class Finder(Protocol):
    """A teacher: all animals of one frame."""

    name: str
    """What the ledger calls it."""

    def find(self, image: Image) -> list[Mask]:
        """One mask of the frame's size per animal."""


@dataclass(frozen=True)
class Sight:
    """What a student found in a frame: masks of the frame's size, or filled boxes where its engine draws none."""

    masks: list[Mask]
    boxes_only: bool = False


class StudentEyes:
    """A student's engine on one camera, shown single frames in the order of time."""

    def __init__(self, config: DeviceConfig, camera: Camera, clips: list[Path]) -> None:
        """Open it.

        Raises:
            ConfigurationError: the release's engine cannot be made.
        """
        self._engine = make_engine(config)
        self._engine.open(camera, None, lambda: samples(clips, _SAMPLES))

    def look(self, at: datetime, image: Image) -> Sight:
        """The animals of a frame, RGB."""
        found = self._engine.see(at, np.ascontiguousarray(image[..., ::-1])).instances
        masks = [placed(instance, (image.shape[0], image.shape[1])) for instance in found]
        return Sight(masks, boxes_only=any(instance.mask is None for instance in found))

    def close(self) -> None:
        """Done with the camera."""
        self._engine.close()


class Sam3Finder:
    """`herdnet.sam3.Teacher`, without words: it is asked everywhere."""

    def __init__(self, folder: Path, device: str = "cpu", points_per_side: int = 16) -> None:
        """Load it.

        Raises:
            ConfigurationError: there are no such weights; the remedy says how to get access.
            MissingDependencyError: torch or transformers is not installed.
        """
        try:
            from herdnet.errors import HerdnetError
            from herdnet.sam3 import Teacher
        except ImportError as error:
            raise MissingDependencyError(f"teachers need {error.name}: install the extra 'learning'") from error
        try:
            self._teacher = Teacher.load(folder).to(device)
        except HerdnetError as error:
            raise ConfigurationError(f"teacher '{folder}': {error.message}", error.remedy) from error
        self._device, self._points = device, points_per_side
        self.name = release_of(folder)

    def find(self, image: Image) -> list[Mask]:
        """One mask of the frame's size per animal."""
        import torch

        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div(255).to(self._device)
        found = self._teacher.find(pixels, points_per_side=self._points)
        return list(found.masks.cpu().numpy())


def placed(instance: Instance, size: tuple[int, int]) -> Mask:
    """An instance in a frame of ``size`` (height, width): its mask, however coarse, stretched over its box."""
    whole: Mask = np.zeros(size, dtype=bool)
    box = instance.box
    x0, y0 = max(round(box.x), 0), max(round(box.y), 0)
    x1, y1 = min(round(box.x + box.width), size[1]), min(round(box.y + box.height), size[0])
    if x1 <= x0 or y1 <= y0:
        return whole
    mask = np.ones((1, 1), dtype=bool) if instance.mask is None else instance.mask
    rows = ((np.arange(y0, y1) + 0.5 - box.y) * mask.shape[0] / box.height).astype(int).clip(0, mask.shape[0] - 1)
    columns = ((np.arange(x0, x1) + 0.5 - box.x) * mask.shape[1] / box.width).astype(int).clip(0, mask.shape[1] - 1)
    whole[y0:y1, x0:x1] = mask[np.ix_(rows, columns)]
    return whole


def boxed(mask: Mask) -> Mask:
    """The box around a mask, filled."""
    rows, columns = mask.any(axis=1), mask.any(axis=0)
    filled: Mask = np.zeros_like(mask)
    if rows.any():
        (top, bottom), (left, right) = np.flatnonzero(rows)[[0, -1]], np.flatnonzero(columns)[[0, -1]]
        filled[top : bottom + 1, left : right + 1] = True
    return filled
