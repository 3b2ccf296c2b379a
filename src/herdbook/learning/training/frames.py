"""A dataset's frames as a network sees them: small pictures in memory, and whose pixel is whose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from herdbook.contracts.ethogram import load_ethogram
from herdbook.errors import EmptyDatasetError, UnknownClassError
from herdbook.learning.datasets.plan import Split
from herdbook.learning.datasets.reading import Dataset, Frame
from herdbook.learning.formats.annotations import ANIMAL, BEHAVIOUR, Shape

UNKNOWN = -1
"""An identity or behaviour that nobody has said."""
NOBODY = 0
"""Pixels of no animal in a map."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Animals:
    """The N animals of one frame; animal k has the pixels k + 1 of the frame's map."""

    identities: NDArray[np.int64]
    """[N], the same number for the same animal in all frames."""
    behaviours: NDArray[np.int64]
    """[N], index into the ethogram."""


@dataclass(frozen=True)
class Frames:
    """F labelled frames of one side of the split."""

    ids: tuple[str, ...]
    images: NDArray[np.uint8]
    """[F, 3, H, W], RGB."""
    maps: NDArray[np.uint8]
    """[F, H / 2, W / 2], `NOBODY` or the animal's number."""
    animals: tuple[Animals, ...]
    groups: NDArray[np.int64]
    """[F], the same number for frames of the same camera and day: other views of the same animals."""

    def __len__(self) -> int:
        return len(self.ids)


def load_frames(
    dataset: Dataset,
    split: Split,
    size: tuple[int, int],
    progress: Progress = lambda done, total: None,
    *,
    about: int | None = None,
) -> Frames:
    """Read the labelled frames of a side; animals without a mask count by the ellipse in their box.

    Args:
        dataset: frozen.
        split: its side.
        size: height and width that pictures are squeezed to, even numbers.
        progress: told after each frame.
        about: read no more than some so many, evenly over the side; all if none.

    Raises:
        EmptyDatasetError: no frame of that side is labelled.
        UnknownClassError: a label names a behaviour that the dataset's ethogram does not have.
        FileFormatError: a picture is not what was frozen.
    """
    frames = [frame for frame in dataset.frames(split) if frame.said["labelled"]]
    if not frames:
        raise EmptyDatasetError(
            f"{dataset.folder} has no labelled frame to learn from on the side '{split.value}'",
            "Label footage (a golden set, or a teacher's masks), or change the shares of the split.",
        )
    if about is not None:
        frames = frames[:: max(1, len(frames) // about)]
    height, width = size
    names = load_ethogram(dataset.manifest.plan.ethogram).names
    images = np.empty((len(frames), 3, height, width), np.uint8)
    maps = np.zeros((len(frames), height // 2, width // 2), np.uint8)
    animals = []
    who: dict[tuple[str, str], int] = {}
    group: dict[tuple[str, str, str], int] = {}
    groups = np.empty(len(frames), np.int64)
    for k, frame in enumerate(frames):
        small = cv2.resize(frame.image(), (width, height), interpolation=cv2.INTER_AREA)
        images[k] = small.transpose(2, 0, 1)
        shapes = dataset.labels(frame)[:255]
        for number, shape in enumerate(shapes, start=1):
            _paint(maps[k], shape, (frame.said["height"], frame.said["width"]), number)
        animals.append(
            Animals(
                np.array([_identity(who, frame, shape) for shape in shapes], np.int64),
                np.array([_behaviour(names, frame, shape) for shape in shapes], np.int64),
            )
        )
        place = (frame.said["site"], frame.said["camera_id"], str(frame.said["day"]))
        groups[k] = group.setdefault(place, len(group))
        progress(k + 1, len(frames))
    return Frames(tuple(f.frame_id for f in frames), images, maps, tuple(animals), groups)


def _paint(labels: NDArray[np.uint8], shape: Shape, size: tuple[int, int], number: int) -> None:
    height, width = labels.shape
    if shape.mask is not None:
        mask = shape.mask.decode().astype(np.uint8)
        small = cv2.resize(mask * 255, (width, height), interpolation=cv2.INTER_AREA)
        labels[small >= 128] = number
        return
    x, y, w, h = shape.box
    along, down = width / size[1], height / size[0]
    middle = ((x + w / 2) * along, (y + h / 2) * down)
    cv2.ellipse(labels, (middle, (w * along, h * down), 0.0), number, -1)


def _identity(who: dict[tuple[str, str], int], frame: Frame, shape: Shape) -> int:
    name = shape.attribute(ANIMAL) or shape.track
    return UNKNOWN if name is None else who.setdefault((frame.said["site"], name), len(who))


def _behaviour(names: Sequence[str], frame: Frame, shape: Shape) -> int:
    name = shape.attribute(BEHAVIOUR)
    if name is None:
        return UNKNOWN
    if name not in names:
        raise UnknownClassError(f"frame {frame.frame_id[:12]}: '{name}' is no behaviour of {', '.join(names)}")
    return list(names).index(name)
